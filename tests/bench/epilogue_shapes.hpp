#pragma once

#include "kernels/softmax.hpp"

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// What bench_epilogue_cuda compiles with nvcc.
namespace bench {

/// One shape of the kernels of the softmax, whatever the library would choose.
struct Shape {
  std::string name;
  std::int64_t places; ///< for the values of a row
  /// @return false if it does not fit
  std::function<bool(float const*, fod::cuda::SoftmaxSpec const&, fod::EpilogueView const&,
                     cudaStream_t)>
      launch;
};
std::vector<Shape> shapes();

/// Queues random values about 0, with a standard deviation of some 3.
void fill(float* values, std::int64_t count, cudaStream_t stream);
void fill(__half* values, std::int64_t count, cudaStream_t stream);
/// Queues the count of differing bytes, added to `*found`, on the device.
void count_differences(void const* a, void const* b, std::int64_t bytes, unsigned long long* found,
                       cudaStream_t stream);

} // namespace bench
