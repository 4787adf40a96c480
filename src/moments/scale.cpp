#include "fod/moments.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fod {

namespace {

/// The least e with 2^e >= value.
int ceil_log2(std::int64_t value) {
  return static_cast<int>(
      std::bit_width(static_cast<std::uint64_t>(std::max<std::int64_t>(value, 1) - 1)));
}

/// Mean and standard deviation of the columns, in one row-wise pass each.
struct Spread {
  std::vector<double> mean;
  std::vector<double> deviation;
};

Spread spread_of(std::span<float const> values, std::int64_t rows, std::int64_t width) {
  auto const columns = static_cast<std::size_t>(width);
  Spread spread{std::vector<double>(columns), std::vector<double>(columns)};
  auto const each = [&](auto const& take) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(rows); ++k) {
      for (std::size_t j = 0; j < columns; ++j) {
        take(j, static_cast<double>(values[k * columns + j]));
      }
    }
  };
  each([&](std::size_t j, double x) { spread.mean[j] += x; });
  for (auto& mean : spread.mean) {
    mean /= static_cast<double>(std::max<std::int64_t>(rows, 1));
  }
  each([&](std::size_t j, double x) {
    auto const centred = x - spread.mean[j];
    spread.deviation[j] += centred * centred;
  });
  for (auto& deviation : spread.deviation) {
    deviation = std::sqrt(deviation / static_cast<double>(std::max<std::int64_t>(rows, 1)));
  }
  return spread;
}

/// Columns whose values are all the same, told from the values: a deviation of rounding is none.
std::vector<std::uint8_t> constant_columns(std::span<float const> values, std::int64_t rows,
                                           std::int64_t width) {
  auto const columns = static_cast<std::size_t>(width);
  std::vector<std::uint8_t> constant(columns, 1);
  for (std::size_t k = 1; k < static_cast<std::size_t>(rows); ++k) {
    for (std::size_t j = 0; j < columns; ++j) {
      if (values[k * columns + j] != values[j]) {
        constant[j] = 0;
      }
    }
  }
  return constant;
}

} // namespace

int moment_bits(BlockGrid const& grid) {
  // 64 times unit variance over all samples: 2^6 * N * 2^bits <= 2^62.
  return 56 - ceil_log2(grid.samples());
}

int class_sum_bits(std::int64_t samples) {
  // N values of 2^20 at most stay below 2^62; a single one below 2^51, for a quick conversion.
  return std::min(31, 42 - ceil_log2(samples));
}

MomentScale find_scale(std::span<float const> values, std::int64_t rows, std::int64_t width,
                       BlockGrid const& grid) {
  MomentScale scale;
  scale.bits = moment_bits(grid);
  scale.class_bits = class_sum_bits(grid.samples());
  auto const spread = spread_of(values, rows, width);
  auto const constant = constant_columns(values, rows, width);
  std::vector<double> scales;
  for (std::size_t j = 0; j < constant.size(); ++j) {
    // A value that float32 has, so that x - shift is exactly 0 where x is constant.
    auto const shift =
        constant[j] != 0 && rows > 0 ? values[j] : static_cast<float>(spread.mean[j]);
    scale.shift.push_back(std::isfinite(shift) ? static_cast<double>(shift) : 0);
    auto const inverse = 1 / spread.deviation[j];
    bool const usable = constant[j] == 0 && std::isfinite(inverse) && inverse > 0;
    scale.scale.push_back(usable ? inverse : 0);
    if (usable) {
      scales.push_back(inverse);
    }
  }
  double median = 1;
  if (!scales.empty()) {
    auto const middle = scales.begin() + std::ssize(scales) / 2;
    std::nth_element(scales.begin(), middle, scales.end());
    median = *middle;
  }
  std::replace(scale.scale.begin(), scale.scale.end(), 0.0, median);
  return scale;
}

} // namespace fod
