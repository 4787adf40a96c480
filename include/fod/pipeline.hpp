#pragma once

#include "fod/comm.hpp"
#include "fod/config.hpp"

namespace fod {

/// The whole job: probe, plan, loop, result file. Collective; returns when the result is there.
/// @throws AgreedError on all ranks together when it cannot be done
void run_job(Config const& asked, Comm const& comm);

} // namespace fod
