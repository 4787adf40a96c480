#pragma once

#include "fod/device.hpp"
#include "fod/ensemble.hpp"
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

/// `host::ensemble` on the device.
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
