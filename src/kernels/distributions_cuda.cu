#include "dispatch.cuh"
#include "softmax.hpp"
#include "warp.cuh"

#include "../device/library.hpp"

#include <type_traits>

namespace fod::cuda {

namespace {

/// Everything, a row per warp.
template <class T>
__global__ void distributions_kernel(T const* values, EpilogueSpec spec, EpilogueView out) {
  auto const row = row_of_warp();
  if (row < spec.rows) {
    row::run(values, spec, row, out, this_warp());
  }
}

/// True for what nearly all jobs are.
bool is_plain_softmax(EpilogueSpec const& spec) {
  return spec.mode == OutputMode::logits && spec.transforms.size == 0 && spec.inputs > 0 &&
         spec.inputs <= most_softmax_classes;
}

} // namespace

void distributions(void const* values, EpilogueSpec const& spec, EpilogueView const& out,
                   StreamView stream) {
  if (spec.rows == 0) {
    return;
  }
  auto* const queue = static_cast<cudaStream_t>(stream.handle);
  row::with_type(values, spec.type, [&]<class T>(T const* typed) {
    if constexpr (!std::is_same_v<T, double>) {
      if (is_plain_softmax(spec)) {
        auto const classes = static_cast<int>(spec.inputs);
        softmax(typed, {spec.rows, classes, spec.transforms.inverse_temperature}, out, queue);
        return;
      }
    }
    distributions_kernel<<<blocks_for(spec.rows), rows_per_block * warp_size, 0, queue>>>(
        typed, spec, out);
    check(cudaGetLastError(), "cannot start the kernel of the distributions");
  });
}

} // namespace fod::cuda
