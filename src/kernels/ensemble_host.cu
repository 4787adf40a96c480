#include "ensemble.cuh"

namespace fod::host {

void ensemble(EpilogueView const& members, EnsembleSpec const& spec, EnsembleView const& out) {
  for (std::int64_t r = 0; r < spec.rows; ++r) {
    row::join(members, spec, r, out, row::Alone());
  }
}

} // namespace fod::host
