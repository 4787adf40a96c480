#pragma once

#include "prepare.hpp"

/// Inside of the pipeline: --verify.
namespace fod {

/// Runs the model again on batches chosen by chance, spread over the ranks, and compares every row
/// with the result that --verify names; says what it found. Collective.
/// @throws AgreedError (usage) for a file of other samples or classes; (failed) naming the samples
///         whose rows differ by more than rounding
void recheck(Prepared& job, Comm const& comm);

} // namespace fod
