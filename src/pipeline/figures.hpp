#pragma once

#include "output.hpp"

#include "fod/totals.hpp"

/// Inside of the pipeline: figures over the samples of all ranks.
namespace fod {

/// Sums over all ranks: from device to device where each has a GPU. Collective.
void reduce(Totals& totals, Comm const& comm, Machine const& machine);

/// The first of the samples that any rank names, in ascending order, `Totals::most_named` at most.
/// Collective.
std::vector<std::int64_t> first_named(std::vector<std::int64_t> const& own, Comm const& comm);

/// "5, 70, …": the samples that are named of `count`.
std::string names_of(std::vector<std::int64_t> const& named, std::int64_t count);

/// Ends the job if rows are not finite and the user did not allow them: all are counted, the first
/// are named. Collective. @throws AgreedError
void require_finite(Config const& config, Totals const& totals, Output const& output,
                    Comm const& comm);

} // namespace fod
