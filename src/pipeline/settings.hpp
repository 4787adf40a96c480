#pragma once

#include "prepare.hpp"

#include "fod/settings.hpp"

/// Inside of the pipeline: what a job must have in common with the one that it goes on with.
namespace fod {

/// All that fixes the bytes of the result, once the plan is made.
store::Settings make_settings(Prepared const& job);

/// Takes from an earlier job what the flags leave open: threads, and a batch size that was found.
void adopt(Config& config, store::Settings const& earlier);

} // namespace fod
