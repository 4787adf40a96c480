#include "warp.cuh"

#include "fod/kernels.hpp"

#include "../device/library.hpp"
#include "../ensemble/join.hpp"

namespace fod::cuda {

namespace {

__global__ void ensemble_kernel(EpilogueView members, EnsembleSpec spec, EnsembleView out) {
  auto const row = row_of_warp();
  if (row < spec.rows) {
    row::join(members, spec, row, out, this_warp());
  }
}

} // namespace

void ensemble(EpilogueView const& members, EnsembleSpec const& spec, EnsembleView const& out,
              StreamView stream) {
  if (spec.rows == 0) {
    return;
  }
  ensemble_kernel<<<blocks_for(spec.rows), rows_per_block * warp_size, 0,
                    static_cast<cudaStream_t>(stream.handle)>>>(members, spec, out);
  check(cudaGetLastError(), "cannot start the kernel of the ensemble");
}

} // namespace fod::cuda
