#pragma once

#include "fod/device.hpp"

#include <cstdint>

/// Passes over a block of rows on the GPU, queued on a stream; all pointers are the device's.
/// Columns are those of `rows` (neurons), then those of `appended`.
namespace fod::cuda {

/// A block as it came, and how its columns are scaled.
struct BlockView {
  float const* rows = nullptr;     ///< (count, neurons)
  float const* appended = nullptr; ///< (count, appended_columns)
  std::int64_t count = 0;
  std::int64_t neurons = 0;
  std::int64_t appended_columns = 0;
  double const* shift = nullptr;
  double const* scale = nullptr;

  [[nodiscard]] constexpr std::int64_t width() const { return neurons + appended_columns; }
};

/// By column, (width).
struct ColumnView {
  double* mean = nullptr;
  double* residue = nullptr;
  double* squares = nullptr;
  float* smallest = nullptr;
  float* largest = nullptr;
};

/// Rows whose sums one thread takes; the parts are then added in order.
constexpr std::int64_t part_rows = 64;
constexpr std::int64_t parts_of(std::int64_t rows) {
  return (rows + part_rows - 1) / part_rows;
}

/// Moves row sources[k] to row k for all k < taken; sources ascend.
void close_gaps(float* rows, std::int64_t neurons, std::int32_t const* sources, std::int64_t taken,
                StreamView stream);

/// Means and extremes. @param parts memory of (parts_of(count), width), as the next one's
void observe(BlockView const& block, ColumnView const& parts, ColumnView const& found,
             StreamView stream);
/// packed (count, width) = x' - mean in float32, with the sums of what is left and of its squares.
void centre(BlockView const& block, ColumnView const& parts, ColumnView const& found, float* packed,
            StreamView stream);

/// Some rows of the product of a block, from the diagonal's column of the first one on.
struct ProductView {
  float const* values = nullptr; ///< (rows, width - first), row-major
  std::int64_t first = 0;        ///< row of the triangle
  std::int64_t rows = 0;
  std::int64_t width = 0;
};
/// What brings a product back from the block's mean, and into integers.
struct Conversion {
  double const* mean = nullptr; ///< (width)
  double rows = 0;              ///< of the block
  double unit = 0;              ///< 2^bits
  double low_limit = 0;
};
/// Adds to the packed triangle. @param high null: all of the block is below `low_limit`
void convert(ProductView const& product, Conversion const& by, std::int64_t* low,
             std::int64_t* high, StreamView stream);

/// sums[class of row, j] += round(x'_j * unit), modulo 2^64.
void add_classes(BlockView const& block, std::int32_t const* class_of, double unit,
                 std::int64_t* sums, StreamView stream);

} // namespace fod::cuda
