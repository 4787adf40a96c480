#pragma once

#include "fod/groups.hpp"
#include "fod/layer_groups.hpp"
#include "fod/moments.hpp"

#include <functional>
#include <memory>
#include <string>

namespace fod {

/// How the groups of a layer are found and described.
struct AnalysisRequest {
  groups::Options options;
  bool auto_threshold = false; ///< the most stable of some thresholds above chance
  bool legacy = false;         ///< overlapping groups on uncentred cosine
  bool error_known = false;    ///< the third appended column is the error of every sample
  std::string class_by;        ///< what the classes are: "label" or "prediction"
  int threads = 1;
  /// The engine for a matrix; the host's if empty.
  std::function<std::unique_ptr<groups::Engine>(groups::MatrixView)> engine;
};

/// Fewer samples have no correlations worth the name.
inline constexpr std::int64_t least_samples = 3;
/// True if both even and odd blocks have samples enough, so that stability can be told.
bool has_halves(Moments const& moments);

/// Finds the groups of a layer from its moments alone, with the evidence for them: the same on even
/// and on odd blocks, the bound of chance, and how groups go with entropy, confidence and error.
/// Sets all of LayerGroups but layer, type, index, pooling and first_group_id.
/// Without halves the stability is NaN, and an automatic threshold stays what the options say.
/// Takes up to three (width, width) matrices of float64 at a time.
store::LayerGroups analyse(Moments const& moments, AnalysisRequest const& request);

/// Correlations of all neurons, float32 (neurons, neurons); 0 where a dead one has part.
std::vector<float> correlation_of(Moments const& moments, int threads);

} // namespace fod
