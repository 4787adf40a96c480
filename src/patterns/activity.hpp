#pragma once

#include "fod/patterns.hpp"

#include <cmath>

/// Inside of the patterns module: the groups' activity in one sample, for both twins.
/// FOD_SIDES says where: who includes this defines it, as nothing on the host.
namespace fod::row {

template <class Lanes>
FOD_SIDES void activity(float const* values, PatternSpec const& spec, std::int64_t row,
                        PatternView const& out, Lanes lanes) {
  float const* x = values + row * spec.neurons;
  auto const standardised = [&](std::int64_t j) {
    return (static_cast<double>(x[j]) - spec.mean[j]) * spec.inverse[j]; // 0 for a dead neuron
  };
  double sum = 0;
  for (std::int64_t j = lanes.first(); j < spec.neurons; j += lanes.step()) {
    sum += standardised(j);
  }
  auto const alive = static_cast<double>(spec.alive > 0 ? spec.alive : 1);
  double const mean = lanes.sum(sum) / alive;
  double squares = 0;
  for (std::int64_t j = lanes.first(); j < spec.neurons; j += lanes.step()) {
    double const difference = standardised(j) - mean;
    squares += spec.inverse[j] > 0 ? difference * difference : 0;
  }
  squares = lanes.sum(squares);
  for (std::int64_t g = 0; g < spec.groups; ++g) {
    double center = 0;
    for (auto m = spec.offsets[g] + lanes.first(); m < spec.offsets[g + 1]; m += lanes.step()) {
      auto const j = spec.members[m];
      center += (static_cast<double>(x[j]) - spec.mean[j]) * spec.weights[m];
    }
    center = lanes.sum(center);
    if (lanes.first() == 0) {
      out.centers[row * spec.groups + g] = static_cast<float>(center);
    }
  }
  if (lanes.first() == 0) {
    out.mean[row] = mean;
    out.deviation[row] = std::sqrt(squares / alive);
  }
}

} // namespace fod::row
