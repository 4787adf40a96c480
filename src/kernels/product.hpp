#pragma once

#include <cstdint>
#include <span>

/// The symmetric product of a block of samples on the CPU, and the passes around it. Everything is
/// written once (product/body.hpp) and compiled for several instruction sets, of which the best
/// that the processor has is taken at run time.
namespace fod::product {

/// Columns per panel. A packed panel holds row after row of so many columns.
constexpr std::int64_t panel = 48;
/// Rows whose products are summed in one go, before partial sums are added.
constexpr std::int64_t chunk = 128;
/// Quick conversion works below this many units.
constexpr double quick_limit = static_cast<double>(std::int64_t{1} << 51);

/// Running sums of columns over a block.
struct Columns {
  double const* shift = nullptr;
  double const* scale = nullptr;
  double* sums = nullptr;    ///< of x' = (x - shift) * scale, row after row
  float* smallest = nullptr; ///< of x itself
  float* largest = nullptr;
};

/// What centring a block needs and finds, by column.
struct Centring {
  double const* shift = nullptr;
  double const* scale = nullptr;
  double const* mean = nullptr; ///< of x' over the block
  double* residue = nullptr;    ///< sum of what is left after the mean was taken off
  double* squares = nullptr;    ///< sum of its squares, roughly
};

struct Kernels {
  char const* name = nullptr;
  /// Sums and extremes of `columns` columns of row-major `rows`, `stride` apart.
  void (*observe)(float const* rows, std::int64_t stride, std::int64_t count, std::int64_t columns,
                  Columns const& found) = nullptr;
  /// packed[k * panel + j] = float(x'_kj - mean_j) for `columns` <= panel columns.
  void (*centre)(float const* rows, std::int64_t stride, std::int64_t count, std::int64_t columns,
                 Centring const& by, float* packed) = nullptr;
  /// c (panel, panel) = a^T b over `rows` rows of two packed panels, or added to it. Of the columns
  /// the first `columns`; on the diagonal (a = b) nothing that is wholly below it.
  void (*multiply)(float const* a, float const* b, std::int64_t rows, std::int64_t columns,
                   bool diagonal, bool add, float* c) = nullptr;
  /// to[j] += round(c[j] * unit + left * right[j]), which must be below `quick_limit`.
  void (*convert)(float const* c, double unit, double left, double const* right,
                  std::int64_t columns, std::int64_t* to) = nullptr;
  /// The same below 2^62.
  void (*convert_large)(float const* c, double unit, double left, double const* right,
                        std::int64_t columns, std::int64_t* to) = nullptr;
  /// to[j] += from[j]
  void (*add)(std::int64_t const* from, std::int64_t columns, std::int64_t* to) = nullptr;
  /// to[j] += round(x'_j * unit) modulo 2^64; right where |x' * unit| < quick_limit.
  void (*add_scaled)(float const* row, double const* shift, double const* scale, double unit,
                     std::int64_t columns, std::int64_t* to) = nullptr;
};

/// All that this processor can run, the best first.
std::span<Kernels const* const> available();

} // namespace fod::product
