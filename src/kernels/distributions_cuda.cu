#include "dispatch.cuh"
#include "warp.cuh"

#include "../device/library.hpp"

namespace fod::cuda {

namespace {

template <class T>
__global__ void distributions_kernel(T const* values, EpilogueSpec spec, EpilogueView out) {
  auto const row = row_of_warp();
  if (row < spec.rows) {
    row::run(values, spec, row, out, this_warp());
  }
}

} // namespace

void distributions(void const* values, EpilogueSpec const& spec, EpilogueView const& out,
                   StreamView stream) {
  if (spec.rows == 0) {
    return;
  }
  row::with_type(values, spec.type, [&](auto const* typed) {
    distributions_kernel<<<blocks_for(spec.rows), rows_per_block * warp_size, 0,
                           static_cast<cudaStream_t>(stream.handle)>>>(typed, spec, out);
    check(cudaGetLastError(), "cannot start the kernel of the distributions");
  });
}

} // namespace fod::cuda
