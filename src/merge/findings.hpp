#pragma once

#include "parts.hpp"

#include "fod/event_recorder.hpp"

#include <memory>

/// Inside of the merge module: from the moments of all files to groups.
namespace fod {

/// What was found in the layers.
struct MergedFindings {
  LayerRequest asked; ///< by the jobs
  std::vector<store::LayerSums> sums;
  std::vector<store::LayerGroups> layers;
  std::unique_ptr<Annotations> annotations;
  std::unique_ptr<EventRecorder> events; ///< null without
  std::vector<std::string> left_out;

  /// A line per layer, the events, and what else a user should know.
  [[nodiscard]] std::vector<std::string> notes() const;
};

/// Adds the moments and finds the groups; nothing without layers.
/// @throws Error (usage) naming a file whose moments are missing or damaged
MergedFindings find_groups(std::vector<Part> const& parts, int threads);

/// What the groups do in each sample, from kept activations, if the jobs were asked for it.
/// @param writer whose first pass has ended
/// @param samples of the dataset before --max-samples
void describe_activity(MergedFindings& findings, store::Layout const& layout, std::int64_t samples,
                       store::ResultWriter& writer, int threads);

/// Writes /groups and /events.
void write_findings(h5::File& file, MergedFindings const& findings, store::Layout const& layout,
                    int threads);

} // namespace fod
