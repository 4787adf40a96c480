#pragma once

#include "fod/device.hpp"
#include "fod/records.hpp"
#include "fod/transform.hpp"

#include <cstdint>

namespace fod {

/// What one pass over a model's output computes, and from what.
struct EpilogueSpec {
  std::int64_t rows = 0;
  std::int64_t inputs = 0;                 ///< values per row in the output: K, or 1 for `sigmoid`
  ElementType type = ElementType::float32; ///< of the output
  OutputMode mode = OutputMode::logits;    ///< not `automatic`
  float tolerance = 1e-4F; ///< how far probabilities may be outside [0, 1], and their sum from 1
  TransformChain transforms{}; ///< applied to every finite row before its entropy is taken

  /// Classes per row of the result: two for `sigmoid`.
  [[nodiscard]] constexpr std::int64_t classes() const {
    return mode == OutputMode::sigmoid ? 2 : inputs;
  }
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
};

/// One pass over a model's output: softmax (in float32, or float64 for a float64 output; the
/// largest value is subtracted first), `[1-p, p]` of a sigmoid, or probabilities as they are (those
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

/// Tolerance of the probability check for outputs of a type: half precision misses 1e-4 by
/// rounding alone.
float probability_tolerance(ElementType type);

/// Owns the memory of the results and runs the pass where the output is.
class Epilogue {
public:
  Epilogue(Device const& device, std::int64_t most_rows, std::int64_t classes);

  /// Results on the host, valid until the next call.
  EpilogueView run(void const* values, EpilogueSpec const& spec, StreamView stream);

private:
  [[nodiscard]] EpilogueView view(Buffer const& buffer) const;

  bool on_device_;
  std::int64_t most_rows_;
  std::int64_t classes_;
  std::size_t bytes_;
  Buffer host_;
  Buffer device_;
};

} // namespace fod
