#pragma once

#include "prepare.hpp"

/// Inside of the pipeline: rows that end a job.
namespace fod {

/// Stops at a row that is no distribution. Those that are not finite are written, so that all of
/// them are counted. @throws Error (failed) naming the sample
void refuse_others(Prepared const& job, BatchResults const& results, IndexRange samples);

} // namespace fod
