#pragma once

#include "inputs.hpp"
#include "machine.hpp"
#include "meta.hpp"

#include <memory>

/// Inside of the pipeline: from --model to models on every rank.
namespace fod {

/// Rank 0 reads the files for all. Sets hashes and kinds in `facts`. Collective.
/// @param inputs null to load the models for their parameters alone
/// @throws AgreedError for models that cannot be loaded or do not fit the inputs
std::unique_ptr<Model> load_models(Config const& config, Inputs const* inputs,
                                   Machine const& machine, Comm const& comm, JobFacts& facts,
                                   Given const& given);

/// A step of --transform of the user's own, on this rank.
std::shared_ptr<HostTransform> open_own_step(std::string const& spec, Machine const& machine);

} // namespace fod
