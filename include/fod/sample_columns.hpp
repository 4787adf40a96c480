#pragma once

#include "fod/shard.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

/// What users say of each sample besides the inputs: a text, a category, a number. They are read
/// by range; of a file of text every 1,024th place is remembered, so memory is flat in the samples.
///
/// Kinds of files: `x.txt` has one entry per line; `x.csv` (`.tsv` with tabs) is as RFC 4180 says,
/// quoted line breaks included; `x.npy`; `x.h5:/path`. Of a table `x.csv:column` takes the column
/// that the header names so, else the last one that is no id. There is a header if a column is
/// named, if the first record has one more than the samples or a usual name ("id", "category",
/// "text", "loss", …), or for numbers if its entry is none. A column id, sample_id or index must
/// count 0, 1, 2, …. A blank line is an empty entry in a table of one column; else it is skipped.
namespace fod {

/// Entries of all samples of the dataset, as texts.
class TextColumn {
public:
  virtual ~TextColumn() = default;
  [[nodiscard]] virtual std::int64_t size() const = 0;
  [[nodiscard]] virtual std::vector<std::string> read(IndexRange samples) const = 0;
};

/// A text per sample, of `x.txt`, `x.csv[:column]` or `x.h5:/path` (strings).
class SampleTexts {
public:
  /// @param samples number of samples of the dataset before `--max-samples`
  /// @param flag that gave `spec`, for messages
  /// @throws Error (usage) if it cannot be read or has not one entry per sample
  SampleTexts(std::string const& spec, std::int64_t samples, std::string const& flag = "--texts");
  [[nodiscard]] std::vector<std::string> read(IndexRange samples) const {
    return column_->read(samples);
  }

private:
  std::shared_ptr<TextColumn const> column_;
};

/// A category per sample: texts (as above) or whole numbers (also of `x.npy`), whose digits are the
/// category's name. All are read once at the start, which finds the categories.
class SampleCategories {
public:
  static constexpr std::size_t most = 4096; ///< categories

  /// @throws Error (usage) as SampleTexts, for numbers that are not whole, and for too many
  ///         categories
  SampleCategories(std::string const& spec, std::int64_t samples,
                   std::string const& flag = "--categories");
  /// Sorted; by value if all are whole numbers.
  [[nodiscard]] std::vector<std::string> const& names() const { return names_; }
  /// Indices among `names`; -1 where the entry is empty (or NaN).
  [[nodiscard]] std::vector<std::int32_t> read(IndexRange samples) const;

private:
  std::shared_ptr<TextColumn const> column_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int32_t> indices_; ///< of names_
};

/// A number per sample, of `x.csv[:column]`, `x.txt`, `x.npy` or `x.h5:/path`; NaN or an empty
/// entry is an unknown one.
class SampleNumbers {
public:
  /// @throws Error (usage) as SampleTexts, and for an entry of text that is no number
  SampleNumbers(std::string const& spec, std::int64_t samples, std::string const& flag = "--loss");
  /// @param out one number per sample
  void read(IndexRange samples, std::span<double> out) const;

  class Column;

private:
  std::shared_ptr<Column const> column_;
};

} // namespace fod
