#pragma once

#include "finish.hpp"

/// The members of one row become one, for both twins (see lanes.hpp on FOD_SIDES).
namespace fod::row {

/// What the members of a row say, put together.
struct Members {
  std::uint8_t flags = 0; ///< of any of them
  double aleatoric = 0;   ///< weighted mean of their entropies
};

template <class Real>
FOD_SIDES Members members_of(RowsView<Real> const& members, EnsembleSpec const& spec,
                             std::int64_t row) {
  Members all;
  for (std::int64_t m = 0; m < spec.members; ++m) {
    auto const at = m * spec.member_rows + row;
    all.flags = static_cast<std::uint8_t>(all.flags | members.flags[at]);
    all.aleatoric += spec.weights[m] * static_cast<double>(members.entropy[at]);
  }
  return all;
}

/// Writes what they disagree about, once the mean's prediction is there.
/// @param total the mean's entropy
template <class Real>
FOD_SIDES void disagree(RowsView<Real> const& members, EnsembleSpec const& spec, std::int64_t row,
                        Members const& all, double total, EnsembleViewOf<Real> const& out) {
  double other = 0;
  for (std::int64_t m = 0; m < spec.members; ++m) {
    bool const differs = members.prediction[m * spec.member_rows + row] != out.mean.prediction[row];
    other += differs ? spec.weights[m] : 0;
  }
  bool const finite = (all.flags & row_nonfinite) == 0;
  auto const epistemic = total - all.aleatoric;
  out.aleatoric[row] = finite ? static_cast<float>(all.aleatoric) : NAN;
  // Not negative by concavity, but for the rounding of equal members.
  out.epistemic[row] = finite ? static_cast<float>(epistemic > 0 ? epistemic : 0) : NAN;
  out.disagreement[row] = finite ? static_cast<float>(other) : NAN;
}

template <class Real, class Lanes>
FOD_SIDES void join(RowsView<Real> const& members, EnsembleSpec const& spec, std::int64_t row,
                    EnsembleViewOf<Real> const& out, Lanes lanes) {
  Real* mean = out.mean.distributions + row * spec.classes;
  for (std::int64_t k = lanes.first(); k < spec.classes; k += lanes.step()) {
    double sum = 0;
    for (std::int64_t m = 0; m < spec.members; ++m) {
      auto const at = (m * spec.member_rows + row) * spec.classes + k;
      sum += spec.weights[m] * static_cast<double>(members.distributions[at]);
    }
    mean[k] = static_cast<Real>(sum);
  }
  auto const all = members_of(members, spec, row);
  lanes.meet();
  auto const total = finish(mean, spec.classes, row, all.flags, out.mean, lanes);
  lanes.meet();
  if (lanes.first() == 0) {
    disagree(members, spec, row, all, total, out);
  }
}

} // namespace fod::row
