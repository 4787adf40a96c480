#pragma once

#include "fod/store.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

/// Inside of the json module: rows of several sections of a result file at once.
namespace fod::json {

/// A section, and the type in which its numbers are wanted.
struct Column {
  std::string path;
  ElementType type = ElementType::float32;
  Shape row; ///< extents of one row; empty for one number
  [[nodiscard]] std::int64_t width() const { return element_count(row); }
};

/// Some rows of all columns.
struct Slice {
  IndexRange rows; ///< numbers within the file
  std::vector<std::vector<std::byte>> columns;

  /// The numbers of a column, row after row.
  template <class Value>
  [[nodiscard]] std::span<Value const> of(std::size_t column) const {
    auto const& bytes = columns[column];
    return {reinterpret_cast<Value const*>(bytes.data()), bytes.size() / sizeof(Value)};
  }
};

class ColumnReader {
public:
  /// @throws Error (usage) if the shape of a section is not what the file says of itself
  ColumnReader(store::ResultReader const& reader, std::vector<Column> columns);
  void read(IndexRange rows, Slice& slice) const;
  [[nodiscard]] std::vector<Column> const& columns() const { return columns_; }
  /// Numbers in a row of all columns.
  [[nodiscard]] std::int64_t width() const;

private:
  std::vector<Column> columns_;
  std::vector<h5::Dataset> datasets_;
};

/// How a section is exported: fractions as they are in the file, or as float32 if that is asked
/// for; whole numbers as int64.
Column column_of(store::Section const& section, bool float32);

/// The sections of the first pass but for kept activations, in their order in the file.
std::vector<store::Section> exported_sections(store::ResultReader const& reader);

/// The section at `path`; null if the file has none.
store::Section const* find_section(std::vector<store::Section> const& sections,
                                   std::string const& path);

/// Its name where sections are told apart by name alone: "entropy", "sample_ids".
std::string short_name(store::Section const& section);

} // namespace fod::json
