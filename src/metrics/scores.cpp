#include "fod/scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fod::metrics {

namespace {

double edge(std::int64_t i, std::int64_t bins) {
  return static_cast<double>(i) / static_cast<double>(bins);
}

} // namespace

double log_loss(double probability) {
  return -std::log(std::max(probability, least_probability));
}

double brier_score(std::span<double const> probabilities, std::int64_t label) {
  double sum = 0;
  for (std::size_t k = 0; k < probabilities.size(); ++k) {
    auto const difference = probabilities[k] - (static_cast<std::int64_t>(k) == label ? 1.0 : 0.0);
    sum += difference * difference;
  }
  return sum;
}

std::int64_t first_largest(std::span<double const> values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

std::int64_t bin_of(double confidence, std::int64_t bins) {
  if (!(confidence > 0)) {
    return 0;
  }
  auto const guess = std::ceil(std::min(confidence, 1.0) * static_cast<double>(bins)) - 1;
  auto bin = std::clamp<std::int64_t>(static_cast<std::int64_t>(guess), 0, bins - 1);
  // The product may have been rounded across an edge.
  while (bin > 0 && confidence <= edge(bin, bins)) {
    --bin;
  }
  while (bin < bins - 1 && confidence > edge(bin + 1, bins)) {
    ++bin;
  }
  return bin;
}

ReliabilityBin reliability_bin(std::int64_t bin, std::int64_t bins, std::int64_t count,
                               std::int64_t correct, double confidence) {
  constexpr auto nothing = std::numeric_limits<double>::quiet_NaN();
  auto const samples = static_cast<double>(count);
  return {edge(bin, bins), edge(bin + 1, bins), count, count > 0 ? confidence / samples : nothing,
          count > 0 ? static_cast<double>(correct) / samples : nothing};
}

CalibrationError calibration_error(std::span<ReliabilityBin const> bins) {
  std::int64_t samples = 0;
  for (auto const& bin : bins) {
    samples += bin.count;
  }
  if (samples == 0) {
    constexpr auto nothing = std::numeric_limits<double>::quiet_NaN();
    return {nothing, nothing};
  }
  CalibrationError error;
  for (auto const& bin : bins) {
    if (bin.count > 0) {
      auto const gap = std::abs(bin.accuracy - bin.mean_confidence);
      error.expected += gap * static_cast<double>(bin.count) / static_cast<double>(samples);
      error.maximum = std::max(error.maximum, gap);
    }
  }
  return error;
}

} // namespace fod::metrics
