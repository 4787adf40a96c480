#pragma once

#include "fod/h5.hpp"
#include "fod/moments.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fod::store {

/// A group of neurons of one layer. Figures that are not known are NaN.
struct NeuronGroup {
  std::vector<std::int64_t> neurons; ///< ascending
  std::vector<double> loadings;      ///< along `neurons`: first eigenvector of their correlations,
                                     ///< the hub's or largest entry positive
  double variance_explained = 0;     ///< first eigenvalue / size
  double cohesion = 0;               ///< mean |r| over pairs
  double cohesion_signed = 0;        ///< mean r over pairs
  double stability = 0;       ///< mean over even and odd blocks of the best Jaccard overlap with a
                              ///< group found there
  double mean_activation = 0; ///< over neurons and samples
  double corr_entropy = 0;    ///< of the group's mean standardised activation (signs of `loadings`)
  double corr_confidence = 0;
  double corr_error = 0;          ///< error: 1 where the prediction is not the label
  std::vector<double> class_mean; ///< mean activation over neurons and the samples of a class
  std::string skill_category;     ///< most frequent among its events; empty without categories
};

/// What was found in one layer.
struct LayerGroups {
  std::string layer;
  std::string type;       ///< of the module, "Conv2d"
  std::int64_t index = 0; ///< in the order in which the layers ran
  std::string pooling;    ///< "mean"; empty where a sample has one position
  std::string method;
  double threshold = 0;            ///< NaN for kmeans and a given number of groups
  double chance_bound = 0;         ///< |r| that chance reaches with probability 0.01 over all pairs
  double stability = 0;            ///< adjusted Rand index of the groups of even and of odd blocks
  std::int64_t samples = 0;        ///< that counted
  std::string class_by;            ///< classes of class_mean: "label", "prediction" or none
  std::int64_t first_group_id = 0; ///< ids run over all layers
  std::vector<NeuronGroup> groups;
  std::vector<std::int64_t> ungrouped;
  std::vector<std::int64_t> dead; ///< without a variance: they have no correlation
  std::vector<double> neuron_mean;
  std::vector<double> neuron_std;
};

/// Larger correlation matrices are kept only if asked for.
constexpr bool keeps_correlation(std::int64_t neurons) {
  return neurons <= 4096;
}

/// Path of a layer's group in the file.
std::string groups_path(std::string const& layer);

/// Writes `/groups/<layer>`.
void write_layer(h5::File& file, LayerGroups const& layer);
/// Writes the correlations, float32 (n, n).
void write_correlation(h5::File& file, std::string const& layer, std::span<float const> values,
                       std::int64_t neurons);
/// Writes `/groups/<layer>/moments`: all integers, and the scale that gives them meaning.
void write_moments(h5::File& file, std::string const& layer, Moments const& moments);
bool has_moments(h5::File const& file, std::string const& layer);
/// @throws Error (usage) if they are damaged
Moments read_moments(h5::File const& file, std::string const& layer);

/// The sums of a layer, and what its groups follow from beside them.
struct LayerSums {
  std::string layer;
  std::string type;            ///< as in LayerGroups
  std::int64_t index = 0;      ///< as in LayerGroups
  std::string pooling;         ///< as in LayerGroups
  std::string class_by;        ///< what the classes of the sums are
  std::int64_t left_out = 0;   ///< samples with an activation that is not finite
  std::int64_t unlabelled = 0; ///< samples without a known label, so that errors are not known
  Moments moments;
};
/// Writes `/groups/<layer>/moments` and what is said of the layer, groups or not.
void write_sums(h5::File& file, LayerSums const& sums);
/// Layers with moments, in the order in which they ran.
std::vector<std::string> layers_with_sums(h5::File const& file);
/// @throws Error (usage) if they are damaged
LayerSums read_sums(h5::File const& file, std::string const& layer);

/// The layers of a file in the order in which they ran; none if it has no groups, as a shard.
/// @throws Error (usage) if they are damaged
std::vector<LayerGroups> read_layers(h5::File const& file);

} // namespace fod::store
