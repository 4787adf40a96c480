#pragma once

#include "fod/groups.hpp"

#include <cstdint>
#include <span>
#include <vector>

/// Inside of the groups module: k-means in the feature space of a kernel.
namespace fod::groups {

struct KmeansSettings {
  Kernel kernel = Kernel::squared; ///< correlation or squared: |r| is not positive semidefinite
  std::uint64_t seed = 0;
  int restarts = 10;
};

struct Clustering {
  std::vector<std::int32_t> labels;
  double inertia = 0; ///< sum over neurons of the squared distance to their cluster's mean
};

/// k-means where the inner product of two neurons' features is k(i, j) (Schölkopf, Smola & Müller,
/// "Nonlinear component analysis as a kernel eigenvalue problem", 1998, section 4.3). Seeds are
/// drawn by greedy k-means++ (Arthur & Vassilvitskii, 2007); neurons go to the nearest mean until
/// none moves (Lloyd, at most 300 rounds); then single ones change clusters as long as that lowers
/// the inertia, which it often does where Lloyd's rounds end (Hartigan, 1975; Telgarsky & Vattani,
/// 2010). The restart with the lowest inertia wins, of equal ones the first. A cluster that loses
/// all takes the neuron farthest from its mean. There are fewer than `clusters` only where neurons
/// coincide.
Clustering kmeans(MatrixView r, std::int64_t clusters, KmeansSettings const& settings,
                  Engine& engine, int threads);

/// Sum of k(i, i) less, for each cluster, the sum of k over its pairs divided by its size.
double kmeans_inertia(MatrixView r, std::span<std::int32_t const> labels, bool squared);

/// Mean over neurons of (b - a) / max(a, b) on the distance 1 - |r|: a to the own cluster, b to the
/// nearest other (Rousseeuw, 1987). A neuron alone counts 0, as do all when there is one cluster.
double mean_silhouette(MatrixView r, std::span<std::int32_t const> labels, std::int64_t clusters,
                       Engine& engine, int threads);

/// The clustering with the best mean silhouette for K = 2, 3, … 10 and then in steps of a fifth up
/// to 256, as long as groups of `least_size` are possible; the lowest K among equals.
Clustering kmeans_by_silhouette(MatrixView r, std::int64_t least_size,
                                KmeansSettings const& settings, Engine& engine, int threads);

} // namespace fod::groups
