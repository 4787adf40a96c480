#include "fod/ensemble.hpp"

#define FOD_SIDES
#include "join.hpp"
#include "pieces.hpp"

#include <type_traits>

namespace fod::host {

namespace {

/// The mean of the members, and what it says of itself, by pieces.
void join_pieces(EpilogueView const& members, EnsembleSpec const& spec, EnsembleView const& out) {
  auto const& kernels = rows::best();
  rows::for_pieces(spec.rows, spec.classes, [&](std::int64_t begin, std::int64_t end) {
    auto const piece = rows::from_row(out.mean, begin, spec.classes);
    kernels.mean(members.distributions + begin * spec.classes, spec.member_rows * spec.classes,
                 spec.members, spec.weights, (end - begin) * spec.classes, piece.distributions);
    rows::Findings found(piece);
    kernels.describe(piece.distributions, end - begin, spec.classes, found.view());
    for (auto row = begin; row < end; ++row) {
      auto const all = row::members_of(members, spec, row);
      out.mean.flags[row] = all.flags;
      row::disagree(members, spec, row, all, found.entropy(row - begin), out);
    }
    found.settle(end - begin);
  });
}

void describe_pieces(std::int64_t count, std::int64_t classes, EpilogueView const& view) {
  rows::for_pieces(count, classes, [&](std::int64_t begin, std::int64_t end) {
    auto const piece = rows::from_row(view, begin, classes);
    rows::Findings found(piece);
    rows::best().describe(piece.distributions, end - begin, classes, found.view());
    found.settle(end - begin);
  });
}

} // namespace

template <class Real>
void ensemble(RowsView<Real> const& members, EnsembleSpec const& spec,
              EnsembleViewOf<Real> const& out) {
  if constexpr (std::is_same_v<Real, float>) {
    join_pieces(members, spec, out);
  } else {
    for (std::int64_t r = 0; r < spec.rows; ++r) {
      row::join(members, spec, r, out, row::Alone());
    }
  }
}

template <class Real>
void describe(std::int64_t rows, std::int64_t classes, RowsView<Real> const& view) {
  if constexpr (std::is_same_v<Real, float>) {
    describe_pieces(rows, classes, view);
  } else {
    for (std::int64_t r = 0; r < rows; ++r) {
      row::finish(view.distributions + r * classes, classes, r, view.flags[r], view, row::Alone());
    }
  }
}

template void ensemble(RowsView<float> const&, EnsembleSpec const&, EnsembleViewOf<float> const&);
template void ensemble(RowsView<double> const&, EnsembleSpec const&, EnsembleViewOf<double> const&);
template void describe(std::int64_t, std::int64_t, RowsView<float> const&);
template void describe(std::int64_t, std::int64_t, RowsView<double> const&);

} // namespace fod::host
