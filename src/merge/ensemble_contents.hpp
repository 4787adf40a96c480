#pragma once

#include "ensemble_inputs.hpp"

/// Inside of the merge module: what an ensemble says of itself.
namespace fod {

/// What is only known at the end.
struct EnsembleFacts {
  store::Metrics metrics;
  std::string data_hash;
  double seconds = 0;
};

/// The members, in the order of their weights.
std::vector<MemberInfo> members_of(std::vector<EnsembleInput> const& inputs);

/// /meta of the first file, with the names of all models; /provenance with that of each file.
store::Contents ensemble_contents(std::vector<EnsembleInput> const& inputs,
                                  store::Layout const& layout, EnsembleFacts const& facts);

/// What the files hold and the ensemble does not.
std::vector<std::string> left_out_of(std::vector<EnsembleInput> const& inputs);

} // namespace fod
