#pragma once

#include <cstdint>

/// Rows of distributions, what they say of themselves, and how the members of an ensemble become
/// one. Plain arrays, on the side (host or device) that computes.
namespace fod {

/// What is wrong with a row; bits of `RowsView::flags`.
enum RowFlag : std::uint8_t {
  row_nonfinite = 1,       ///< a NaN or an infinity in the result
  row_no_distribution = 2, ///< outside [0, 1], or a sum that is not 1: as `probs`, or transformed
};

/// Where rows are, or go to; one entry per row.
template <class Real>
struct RowsView {
  Real* distributions = nullptr;      ///< rows * classes
  float* entropy = nullptr;           ///< - sum p ln p, in nats
  float* confidence = nullptr;        ///< largest probability
  std::int32_t* prediction = nullptr; ///< its class, the lowest among equals
  std::uint8_t* flags = nullptr;      ///< RowFlag bits
  Real* logits = nullptr; ///< rows * classes: the output itself, (0, x) for `sigmoid`; may be null
};
/// Of what a model gives.
using EpilogueView = RowsView<float>;

/// The members of an ensemble that become one. All of the first member's rows come first.
struct EnsembleSpec {
  std::int64_t rows = 0;
  std::int64_t classes = 0;
  std::int64_t members = 0;
  std::int64_t member_rows = 0;    ///< rows from one member's first row to the next member's
  double const* weights = nullptr; ///< of the members, summing to 1; where the results are
};

/// What members disagree about; one entry per row.
template <class Real>
struct EnsembleViewOf {
  RowsView<Real> mean;           ///< of the weighted mean distribution; its flags are those of any
                                 ///< member, its entropy the total one
  float* aleatoric = nullptr;    ///< weighted mean of the members' entropies, in nats
  float* epistemic = nullptr;    ///< total - aleatoric: mutual information of class and member
  float* disagreement = nullptr; ///< weight of the members that predict another class than the mean
};
using EnsembleView = EnsembleViewOf<float>;

namespace host {

/// Joins the members of every row: the mean, and its entropy taken apart as total = aleatoric +
/// epistemic (Depeweg et al., "Decomposition of Uncertainty in Bayesian Deep Learning", 2018, eq. 1
/// to 3). Sums run in the order of the members, in float64. For float and double.
/// @param members whose confidence and logits are not looked at
template <class Real>
void ensemble(RowsView<Real> const& members, EnsembleSpec const& spec,
              EnsembleViewOf<Real> const& out);

/// Entropy, confidence and prediction of rows whose distributions and flags are there. For float
/// and double.
template <class Real>
void describe(std::int64_t rows, std::int64_t classes, RowsView<Real> const& view);

} // namespace host

} // namespace fod
