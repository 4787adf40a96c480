#pragma once

#include "prepare.hpp"

#include "fod/event_recorder.hpp"

/// Inside of the pipeline: from the moments of all ranks to groups.
namespace fod {

/// What was found, the same on all ranks but for `sums`.
struct GroupFindings {
  std::vector<store::LayerGroups> layers;
  std::vector<store::LayerSums> sums;    ///< by layer, the moments themselves on rank 0
  std::unique_ptr<EventRecorder> events; ///< null without
  std::vector<std::string> notes;        ///< what a user should know of it
};

/// Reduces the moments and finds the groups of every layer; the layers are spread over the ranks.
/// Collective. @throws AgreedError
GroupFindings find_groups(Prepared const& job, LayerMoments& moments, Comm const& comm);

/// The sums of all layers, of the ranks of `comm` together: the moments of each on rank 0 and on
/// the rank that works on the layer. Collective. @throws AgreedError
std::vector<store::LayerSums> sums_of(Prepared const& job, LayerMoments& moments, Comm const& comm);

/// Writes /groups and /events, on rank 0.
void write_groups(h5::File& file, Prepared const& job, GroupFindings const& findings);

/// A line per layer, then what else a user should know.
std::vector<std::string> summary_of(GroupFindings const& findings);

} // namespace fod
