#pragma once

#include "fod/ensemble.hpp"

#include <cuda_runtime.h>

#include <cstdint>

namespace fod::cuda {

/// What the kernels of the softmax need of an `EpilogueSpec`.
struct SoftmaxSpec {
  std::int64_t rows = 0; ///< at least 1
  int classes = 0;       ///< at least 1, `most_softmax_classes` at most
  float inverse_temperature = 1;
};

/// What fits the sums of a row.
constexpr std::int64_t most_softmax_classes = std::int64_t{1} << 22;

/// Distributions of logits, and what they say of themselves, by the shape of kernel that suits the
/// number of classes. Queued on `stream`. The bits of a row depend on that row alone.
/// For float, __half and __nv_bfloat16.
template <class T>
void softmax(T const* values, SoftmaxSpec const& spec, EpilogueView const& out,
             cudaStream_t stream);

} // namespace fod::cuda
