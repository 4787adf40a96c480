#include "fod/ensemble.hpp"

#define FOD_SIDES
#include "join.hpp"

namespace fod::host {

template <class Real>
void ensemble(RowsView<Real> const& members, EnsembleSpec const& spec,
              EnsembleViewOf<Real> const& out) {
  for (std::int64_t r = 0; r < spec.rows; ++r) {
    row::join(members, spec, r, out, row::Alone());
  }
}

template <class Real>
void describe(std::int64_t rows, std::int64_t classes, RowsView<Real> const& view) {
  for (std::int64_t r = 0; r < rows; ++r) {
    row::finish(view.distributions + r * classes, classes, r, view.flags[r], view, row::Alone());
  }
}

template void ensemble(RowsView<float> const&, EnsembleSpec const&, EnsembleViewOf<float> const&);
template void ensemble(RowsView<double> const&, EnsembleSpec const&, EnsembleViewOf<double> const&);
template void describe(std::int64_t, std::int64_t, RowsView<float> const&);
template void describe(std::int64_t, std::int64_t, RowsView<double> const&);

} // namespace fod::host
