#pragma once

#include "mapped_file.hpp"
#include "text_records.hpp"

#include "fod/sample_columns.hpp"

#include <functional>

namespace fod {

/// What is wanted of a file of text.
struct TableRequest {
  std::string column; ///< by the header; empty: the last that is no id
  std::int64_t samples = 0;
  /// Complains of an entry that will not do. It is called for each; the first record is a header
  /// if it throws for that.
  std::function<void(std::string const& entry)> check;
};

/// One column of a table in text.
class TextTable final : public TextColumn {
public:
  /// Reads the whole table once.
  /// @throws Error (usage) naming the line of what is wrong
  TextTable(MappedFile file, TextFormat format, TableRequest const& request);

  [[nodiscard]] std::int64_t size() const override { return records_ - (header_ ? 1 : 0); }
  [[nodiscard]] std::vector<std::string> read(IndexRange samples) const override;
  /// Whether the first record was taken for names.
  [[nodiscard]] bool has_header() const { return header_; }

private:
  [[nodiscard]] std::string_view text() const;
  void choose_column(std::vector<std::string> const& first, TableRequest const& request);
  void check_record(std::vector<std::string> const& fields, std::int64_t line,
                    TableRequest const& request) const;

  MappedFile file_;
  TextFormat format_;
  std::size_t width_ = 0;
  std::size_t column_ = 0;
  std::size_t id_column_ = 0; ///< width_ if there is none
  bool header_ = false;
  std::int64_t records_ = 0;
  std::vector<RecordPlace> places_; ///< of every 1,024th record
};

} // namespace fod
