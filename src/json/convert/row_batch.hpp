#pragma once

#include "fod/records.hpp"

#include <cstdint>
#include <span>
#include <vector>

/// Inside of the json module: rows on their way into a result file.
namespace fod::json {

/// Whether float32 holds the number exactly; NaN and infinities it does.
bool is_float32(double value);

/// Some rows, column by column, with what each says of itself.
struct RowBatch {
  std::int64_t classes = 0;
  bool narrow = true; ///< all values are float32, and are in `values32`
  std::vector<std::int64_t> ids;
  std::vector<float> values32;
  std::vector<double> values64;
  std::vector<RowStatus> status;
  std::vector<float> entropy;
  std::vector<float> confidence;
  std::vector<std::int32_t> prediction;

  [[nodiscard]] std::int64_t rows() const { return std::ssize(ids); }
  [[nodiscard]] std::size_t bytes() const;
  /// Appends a row of `classes` values, and computes its figures as the job does.
  void add(std::int64_t id, std::span<double const> values, bool finite);
  /// Keeps the first rows alone.
  void keep(std::int64_t rows);
  void clear();
  /// Turns `values32` into `values64`.
  void widen();
};

} // namespace fod::json
