#pragma once

#include "fod/device.hpp"
#include "fod/records.hpp"
#include "fod/transform.hpp"

#include <cstdint>

namespace fod {

/// What one pass over a model's output computes, and from what.
struct EpilogueSpec {
  std::int64_t rows = 0;
  std::int64_t inputs = 0;                 ///< values per row in the output: K, or 1 if binary
  ElementType type = ElementType::float32; ///< of the output
  OutputMode mode = OutputMode::logits;    ///< not `automatic`
  float tolerance = 1e-4F; ///< how far probabilities may be outside [0, 1], and their sum from 1
  TransformChain transforms{}; ///< applied to every finite row before its entropy is taken

  /// Classes per row of the result: two for the binary modes.
  [[nodiscard]] constexpr std::int64_t classes() const { return is_binary(mode) ? 2 : inputs; }
};

/// What is wrong with a row; bits of `EpilogueView::flags`.
enum RowFlag : std::uint8_t {
  row_nonfinite = 1,       ///< a NaN or an infinity in the result
  row_no_distribution = 2, ///< outside [0, 1], or a sum that is not 1: as `probs`, or transformed
};

/// Where the results go, all on the side (host or device) that computes; one entry per row.
struct EpilogueView {
  float* distributions = nullptr;     ///< rows * classes
  float* entropy = nullptr;           ///< - sum p ln p, in nats
  float* confidence = nullptr;        ///< largest probability
  std::int32_t* prediction = nullptr; ///< its class, the lowest among equals
  std::uint8_t* flags = nullptr;      ///< RowFlag bits
  float* logits = nullptr; ///< rows * classes: the output itself, (0, x) for `sigmoid`; may be null
};

/// One pass over a model's output: softmax (in float32, or float64 for a float64 output; the
/// largest value is subtracted first), `[1-p, p]` of a sigmoid or of p itself, or
/// probabilities as they are (those
/// of half precision are divided by their sum in float32); entropy, largest probability and its
/// class; evidence on finiteness and sums. Rows do not depend on each other.
namespace host {
void distributions(void const* values, EpilogueSpec const& spec, EpilogueView const& out);
}
namespace cuda {
/// Queued on `stream`; all pointers are the device's.
void distributions(void const* values, EpilogueSpec const& spec, EpilogueView const& out,
                   StreamView stream);
} // namespace cuda

/// The members of an ensemble that become one. All of the first member's rows come first.
struct EnsembleSpec {
  std::int64_t rows = 0;
  std::int64_t classes = 0;
  std::int64_t members = 0;
  std::int64_t member_rows = 0;    ///< rows from one member's first row to the next member's
  double const* weights = nullptr; ///< of the members, summing to 1; where the results are
};

/// What members disagree about; one entry per row.
struct EnsembleView {
  EpilogueView mean;             ///< of the weighted mean distribution; its flags are those of any
                                 ///< member, its entropy the total one
  float* aleatoric = nullptr;    ///< weighted mean of the members' entropies, in nats
  float* epistemic = nullptr;    ///< total - aleatoric: mutual information of class and member
  float* disagreement = nullptr; ///< weight of the members that predict another class than the mean
};

/// Joins the members of every row: the mean, and its entropy taken apart as total = aleatoric +
/// epistemic (Depeweg et al., "Decomposition of Uncertainty in Bayesian Deep Learning", 2018, eq. 1
/// to 3). Sums run in the order of the members, in float64.
namespace host {
void ensemble(EpilogueView const& members, EnsembleSpec const& spec, EnsembleView const& out);
}
namespace cuda {
/// Queued on `stream`; all pointers are the device's.
void ensemble(EpilogueView const& members, EnsembleSpec const& spec, EnsembleView const& out,
              StreamView stream);
} // namespace cuda

/// Tolerance of the probability check for outputs of a type: half precision misses 1e-4 by
/// rounding alone.
float probability_tolerance(ElementType type);
/// The same for float32 outputs of a forward in half precision.
float probability_tolerance(Precision precision);

} // namespace fod
