#include "live.hpp"

#include <algorithm>
#include <cmath>

namespace fod {

LiveNeurons live_neurons(Moments const& moments) {
  LiveNeurons live{moments.neurons, {}, dead_neurons(moments)};
  for (std::int64_t j = 0; j < moments.neurons; ++j) {
    if (!std::binary_search(live.dead.begin(), live.dead.end(), j)) {
      live.indices.push_back(j);
    }
  }
  return live;
}

groups::MatrixView compacted(Statistics& statistics, std::vector<std::int64_t> const& columns) {
  auto& matrix = statistics.correlation;
  auto const width = statistics.mean.size();
  auto const n = columns.size();
  // Ascending columns never overtake what is still to be read.
  for (std::size_t i = 0; i < n; ++i) {
    auto const* from = matrix.data() + static_cast<std::size_t>(columns[i]) * width;
    auto* to = matrix.data() + i * n;
    for (std::size_t j = 0; j < n; ++j) {
      to[j] = from[columns[j]];
    }
    to[i] = 1;
  }
  return {matrix.data(), static_cast<std::int64_t>(n)};
}

std::vector<double> cosines_of(Statistics const& statistics, LiveNeurons const& live) {
  auto const width = statistics.mean.size();
  auto const n = live.indices.size();
  std::vector<double> norms;
  for (auto const neuron : live.indices) {
    auto const j = static_cast<std::size_t>(neuron);
    norms.push_back(std::hypot(statistics.mean[j], statistics.deviation[j]));
  }
  std::vector<double> cosines(n * n, 0);
  for (std::size_t a = 0; a < n; ++a) {
    auto const i = static_cast<std::size_t>(live.indices[a]);
    for (std::size_t b = 0; b < n; ++b) {
      auto const j = static_cast<std::size_t>(live.indices[b]);
      auto const covariance =
          statistics.correlation[i * width + j] * statistics.deviation[i] * statistics.deviation[j];
      auto const product = covariance + statistics.mean[i] * statistics.mean[j];
      cosines[a * n + b] = std::clamp(product / (norms[a] * norms[b]), -1.0, 1.0);
    }
    cosines[a * n + a] = 1;
  }
  return cosines;
}

} // namespace fod
