#pragma once

#include "event_recorder.hpp"

/// Inside of the pipeline: from the moments of all ranks to groups.
namespace fod {

/// What was found, the same on all ranks but for `moments`.
struct GroupFindings {
  std::vector<store::LayerGroups> layers;
  std::vector<Moments> moments;          ///< on rank 0, by layer
  std::unique_ptr<EventRecorder> events; ///< null without
  std::vector<std::string> notes;        ///< what a user should know of it
};

/// Reduces the moments and finds the groups of every layer; the layers are spread over the ranks.
/// Collective. @throws AgreedError
GroupFindings find_groups(Prepared const& job, LayerMoments& moments, Comm const& comm);

/// Writes /groups and /events, on rank 0.
void write_groups(h5::File& file, Prepared const& job, GroupFindings const& findings);

/// "fc1: 5 groups of 3 to 20 neurons, 78 of 128 grouped, …", a line per layer.
std::vector<std::string> summary_of(GroupFindings const& findings);

} // namespace fod
