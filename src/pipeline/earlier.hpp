#pragma once

#include "prepare.hpp"

/// Inside of the pipeline: what earlier jobs left under the name of the output.
namespace fod {

/// Claims the output, and takes from what is there what the flags leave open. Collective.
/// @return the settings of the job that this one goes on with
store::Settings claim_output(Prepared& job, Comm const& comm);

/// The settings of the result that --verify names, from which it takes the batch size, and threads
/// unless they were given. Collective.
store::Settings read_verified(Prepared& job, Comm const& comm);

/// Once the plan is made: what is there must come from the same model, data and flags; if it does
/// not and may be overwritten, this job starts anew.
/// @throws Error (usage) naming what differs
void compare_with(store::Settings const& earlier, Prepared& job);

} // namespace fod
