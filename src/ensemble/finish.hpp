#pragma once

#include "lanes.hpp"

#include "fod/ensemble.hpp"

#include <cmath>

/// The last step of a row, for both twins (see lanes.hpp on FOD_SIDES).
namespace fod::row {

/// Writes what a finished distribution says of itself.
/// @return its entropy, the same for all lanes
template <class Real, class Lanes>
FOD_SIDES double finish(Real const* p, std::int64_t classes, std::int64_t row, std::uint8_t flags,
                        RowsView<Real> const& out, Lanes lanes) {
  double entropy = 0;
  BestOf<Real> best;
  for (std::int64_t k = lanes.first(); k < classes; k += lanes.step()) {
    if (p[k] > 0) {
      entropy -= static_cast<double>(p[k] * std::log(p[k]));
    }
    best.offer(p[k], static_cast<std::int32_t>(k));
  }
  entropy = lanes.sum(entropy);
  best = lanes.best(best);
  if (lanes.first() == 0) {
    bool const finite = (flags & row_nonfinite) == 0;
    out.entropy[row] = finite ? static_cast<float>(entropy) : NAN;
    out.confidence[row] = finite ? static_cast<float>(best.value) : NAN;
    out.prediction[row] = finite ? best.index : -1;
    out.flags[row] = flags;
  }
  return entropy;
}

} // namespace fod::row
