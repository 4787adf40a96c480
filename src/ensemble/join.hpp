#pragma once

#include "finish.hpp"

/// The members of one row become one, for both twins (see lanes.hpp on FOD_SIDES).
namespace fod::row {

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
  std::uint8_t flags = 0;
  double aleatoric = 0;
  for (std::int64_t m = 0; m < spec.members; ++m) {
    auto const at = m * spec.member_rows + row;
    flags = static_cast<std::uint8_t>(flags | members.flags[at]);
    aleatoric += spec.weights[m] * static_cast<double>(members.entropy[at]);
  }
  lanes.meet();
  auto const total = finish(mean, spec.classes, row, flags, out.mean, lanes);
  lanes.meet();
  if (lanes.first() != 0) {
    return;
  }
  double other = 0;
  for (std::int64_t m = 0; m < spec.members; ++m) {
    bool const differs = members.prediction[m * spec.member_rows + row] != out.mean.prediction[row];
    other += differs ? spec.weights[m] : 0;
  }
  bool const finite = (flags & row_nonfinite) == 0;
  auto const epistemic = total - aleatoric;
  out.aleatoric[row] = finite ? static_cast<float>(aleatoric) : NAN;
  // Not negative by concavity, but for the rounding of equal members.
  out.epistemic[row] = finite ? static_cast<float>(epistemic > 0 ? epistemic : 0) : NAN;
  out.disagreement[row] = finite ? static_cast<float>(other) : NAN;
}

} // namespace fod::row
