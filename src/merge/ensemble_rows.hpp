#pragma once

#include "ensemble_inputs.hpp"

/// Inside of the merge module: the rows of an ensemble.
namespace fod {

/// Reads the rows of all files side by side, joins and writes them.
/// @param layout of the result
/// @throws Error (usage) for what is damaged, and for labels that differ
void join_rows(std::vector<EnsembleInput> const& inputs, store::Layout const& layout,
               store::ResultWriter& writer, std::optional<bool> progress);

} // namespace fod
