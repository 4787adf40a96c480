#include "kmeans.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <numeric>

namespace fod::groups {

double mean_silhouette(MatrixView r, std::span<std::int32_t const> labels, std::int64_t clusters,
                       Engine& engine, int threads) {
  std::vector<double> sums(static_cast<std::size_t>(clusters * r.n)); // of |r|
  engine.cluster_sums(labels, clusters, Kernel::absolute, sums);
  std::vector<double> sizes(static_cast<std::size_t>(clusters));
  for (auto const label : labels) {
    ++sizes[static_cast<std::size_t>(label)];
  }
  std::vector<double> silhouettes(static_cast<std::size_t>(r.n));
  in_parallel(r.n, clusters, threads, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      auto const own = labels[static_cast<std::size_t>(i)];
      double inside = 0;
      double outside = 0;
      bool has_other = false;
      for (std::int32_t c = 0; c < clusters; ++c) {
        auto const size = sizes[static_cast<std::size_t>(c)];
        auto const sum = size - sums[static_cast<std::size_t>(c * r.n + i)]; // of 1 - |r|
        if (c == own) {
          inside = sum / std::max(size - 1, 1.0);
        } else if (size > 0 && (!has_other || sum / size < outside)) {
          outside = sum / size;
          has_other = true;
        }
      }
      auto const larger = std::max(inside, outside);
      bool const counts = has_other && sizes[static_cast<std::size_t>(own)] > 1 && larger > 0;
      silhouettes[static_cast<std::size_t>(i)] = counts ? (outside - inside) / larger : 0;
    }
  });
  return r.n == 0 ? 0
                  : std::accumulate(silhouettes.begin(), silhouettes.end(), 0.0) /
                        static_cast<double>(r.n);
}

Clustering kmeans_by_silhouette(MatrixView r, std::int64_t least_size,
                                KmeansSettings const& settings, Engine& engine, int threads) {
  constexpr std::int64_t most = 256;
  auto const limit = std::min({most, r.n - 1, r.n / std::max<std::int64_t>(least_size, 1)});
  Clustering best = kmeans(r, 1, {settings.kernel, settings.seed, 1}, engine, threads);
  double best_silhouette = -2; // all are above -1
  for (std::int64_t clusters = 2; clusters <= limit;
       clusters += std::max<std::int64_t>(clusters / 5, 1)) {
    auto found = kmeans(r, clusters, settings, engine, threads);
    auto const silhouette = mean_silhouette(r, found.labels, clusters, engine, threads);
    if (silhouette > best_silhouette) {
      best_silhouette = silhouette;
      best = std::move(found);
    }
  }
  return best;
}

} // namespace fod::groups
