#include "summary.hpp"

#include "exact_sum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fod::metrics {

namespace {

/// Between the two nearest of sorted values: NumPy's method "linear", to its last steps.
double quantile(std::vector<double> const& sorted, double level) {
  auto const at = level * static_cast<double>(sorted.size() - 1);
  auto const below = static_cast<std::size_t>(at);
  auto const above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - std::floor(at)) * (sorted[above] - sorted[below]);
}

} // namespace

Summary summarise(std::vector<double>& values) {
  if (values.empty()) {
    constexpr auto nothing = std::numeric_limits<double>::quiet_NaN();
    return {nothing, nothing, nothing, nothing, nothing, nothing, nothing};
  }
  std::sort(values.begin(), values.end());
  ExactSum sum;
  for (auto const value : values) {
    sum.add(value);
  }
  auto const mean = sum.mean(std::ssize(values));
  ExactSum squares;
  for (auto const value : values) {
    squares.add((value - mean) * (value - mean));
  }
  return {mean,
          std::sqrt(squares.mean(std::ssize(values))),
          values.front(),
          quantile(values, 0.25),
          quantile(values, 0.5),
          quantile(values, 0.75),
          values.back()};
}

} // namespace fod::metrics
