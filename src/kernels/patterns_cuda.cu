#include "warp.cuh"

#include "fod/group_patterns.hpp"

#include "../device/library.hpp"

#include "../patterns/activity.hpp"

namespace fod::cuda {

namespace {

__global__ void patterns_kernel(float const* values, PatternSpec spec, PatternView out) {
  auto const row = row_of_warp();
  if (row < spec.rows) {
    row::activity(values, spec, row, out, this_warp());
  }
}

} // namespace

void patterns(float const* values, PatternSpec const& spec, PatternView const& out,
              StreamView stream) {
  if (spec.rows == 0) {
    return;
  }
  patterns_kernel<<<blocks_for(spec.rows), rows_per_block * warp_size, 0,
                    static_cast<cudaStream_t>(stream.handle)>>>(values, spec, out);
  check(cudaGetLastError(), "cannot start the kernel of the groups' activity");
}

} // namespace fod::cuda
