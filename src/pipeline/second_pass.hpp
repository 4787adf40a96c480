#pragma once

#include "output.hpp"
#include "work.hpp"

#include "fod/group_activity.hpp"

/// Inside of the pipeline: what needs the groups, and so a second look at every sample.
namespace fod {

/// Goes through the samples again: the model runs, or the kept activations are read. Writes
/// /groups/<layer>/group_center if --group-patterns asks for it. What an earlier job did of it is
/// not done again. Collective.
/// @param recorder may be null
/// @throws AgreedError if any rank failed; the file is suspended then
void second_pass(Prepared& job, std::vector<store::LayerGroups> const& layers, Output& output,
                 Comm const& comm, ActivityRecorder* recorder);

} // namespace fod
