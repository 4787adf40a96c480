#pragma once

#include "fod/sample_columns.hpp"

#include <memory>
#include <string>

/// Inside of the columns of samples: the files they are read from.
namespace fod {

enum class ColumnUse { texts, categories, numbers };

/// Who asks, for messages too.
struct ColumnAsker {
  std::string flag;
  ColumnUse use = ColumnUse::texts;
};

struct OpenedColumn {
  std::unique_ptr<TextColumn const> column;
  bool header = false; ///< the first line was taken for names
};
/// A column of texts, or of whole numbers as their digits if categories are asked for.
OpenedColumn open_column(std::string const& spec, std::int64_t samples, ColumnAsker const& asker);

class SampleNumbers::Column {
public:
  virtual ~Column() = default;
  [[nodiscard]] virtual std::int64_t size() const = 0;
  [[nodiscard]] virtual bool header() const { return false; }
  virtual void read(IndexRange samples, std::span<double> out) const = 0;
};
std::unique_ptr<SampleNumbers::Column const>
open_numbers(std::string const& spec, std::int64_t samples, std::string const& flag);

} // namespace fod
