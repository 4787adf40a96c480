#pragma once

#include "fod/group_options.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fod {

/// Neurons of one layer that fire together. Figures that are not known are NaN.
struct NeuronGroup {
  std::int64_t group_id = 0;
  std::string layer;
  std::vector<std::int64_t> neuron_indices; ///< ascending
  double cohesion = 0;                      ///< mean |r| over pairs, in [0, 1]
  double cohesion_signed = 0;               ///< mean r over pairs
  double stability = 0;       ///< mean best Jaccard overlap between even and odd blocks of samples
  double mean_activation = 0; ///< over neurons and samples
  double variance_explained = 0; ///< first eigenvalue of the correlations / size
  std::vector<double> loadings;  ///< first eigenvector, along `neuron_indices`

  [[nodiscard]] std::int64_t size() const { return std::ssize(neuron_indices); }
};

/// What was found in a layer.
struct NeuronGroups {
  std::string layer;
  std::string method;
  double threshold = 0; ///< of |r|; NaN where the method has none
  double stability = 0; ///< adjusted Rand index of the groups of even and of odd blocks of samples
  std::vector<NeuronGroup> groups; ///< by size, the largest first; disjoint
  std::vector<std::int64_t> ungrouped;
  std::vector<std::int64_t> dead; ///< without a variance, so without correlations
};

/// Activations of a layer in memory, owned elsewhere: (samples, neurons), row-major.
struct ActivationsView {
  std::span<float const> values;
  std::int64_t samples = 0;
  std::int64_t neurons = 0;
  std::string layer = "layer"; ///< its name
};

/// Finds the groups of neurons in activations, as `fod-generate --layers` does in those of a model:
/// the same definitions, the same exact sums.
/// @param options method, threshold, least size, number of groups; see `groups::Options`
/// @param threads which nothing depends on; 0: one per core
/// @throws Error (usage) for fewer than 3 samples, sizes that do not fit together, activations that
///         are not finite (naming the sample), options out of range
NeuronGroups identify_neuron_groups(ActivationsView const& activations,
                                    groups::Options const& options = {}, int threads = 0);

/// The same by the method's name: "correlation_clustering", "kmeans", "hierarchical".
/// @throws Error (usage) also for another name
NeuronGroups identify_neuron_groups(ActivationsView const& activations, std::string const& method,
                                    groups::Options options = {}, int threads = 0);

} // namespace fod
