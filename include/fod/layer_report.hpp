#pragma once

#include "fod/analysis.hpp"
#include "fod/config.hpp"

#include <span>
#include <string>
#include <vector>

/// From the sums of layers to what the file and the user get: of a job as of a merge.
namespace fod {

/// What is asked of the layers. `error_known` and `class_by` are each layer's own.
AnalysisRequest analysis_request(LayerRequest const& asked, int threads);

/// The groups of a layer, with all but `first_group_id`. Of a layer that too few samples reached
/// nothing is known.
store::LayerGroups groups_of(store::LayerSums const& sums, AnalysisRequest const& request);
/// Sets the ids of the groups, which run over all layers.
void number_groups(std::vector<store::LayerGroups>& layers);

/// What a user should know of the sums.
std::vector<std::string> notes_on(std::span<store::LayerSums const> sums);
/// "fc1: 5 groups of 3 to 20 neurons, 78 of 128 grouped, …", a line per layer.
std::vector<std::string> summary_of(std::vector<store::LayerGroups> const& layers);

/// What is kept beside the groups.
struct KeepSums {
  bool correlation = false; ///< of large layers too
  bool moments = false;
};
/// Writes /groups. @param sums of the same layers
void write_findings(h5::File& file, std::vector<store::LayerGroups> const& layers,
                    std::vector<store::LayerSums> const& sums, KeepSums keep, int threads);

} // namespace fod
