#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// Inside of the json module: rows in their usual form, read fast.
namespace fod::json {

/// Reads `, "7": [0.1, 0.9]`, with whitespace wherever JSON has it. Whatever else comes ends it, be
/// it right or wrong: `Document` looks at that with a `Scanner`.
class PlainRows {
public:
  /// Bytes behind the text that have to be there and be zero.
  static constexpr std::size_t padding = 64;

  /// @param classes values that each row has
  PlainRows(std::string_view text, std::int64_t classes);
  /// Goes to the next row. False if there is none in this form; then nothing was taken of it.
  bool next();
  [[nodiscard]] std::int64_t id() const { return id_; }
  [[nodiscard]] std::span<double const> values() const { return values_; }
  /// Where the last row ends.
  [[nodiscard]] std::size_t offset() const { return static_cast<std::size_t>(taken_ - begin_); }

private:
  char const* read_key(char const* at);
  char const* read_values(char const* at);

  char const* begin_;
  char const* taken_;
  char const* end_;
  std::int64_t id_ = 0;
  std::vector<double> values_;
};

} // namespace fod::json
