#pragma once

#include "softmax_rows.cuh"
#include "softmax_stream.cuh"
#include "softmax_tiles.cuh"

#include "fod/error.hpp"

#include "../device/library.hpp"

#include <algorithm>

/// Launches of the kernels of the softmax, for the files that choose their shapes.
namespace fod::cuda {

template <class Shape, class T>
__global__ void __launch_bounds__(Shape::warps * 32, Shape::blocks)
    tile_kernel(T const* values, SoftmaxSpec spec, EpilogueView out) {
  extern __shared__ __align__(vector_bytes) std::byte shared[];
  softmax_of_tiles<Shape>(values, spec, out, shared);
}

template <class Shape, class T>
__global__ void __launch_bounds__(Shape::threads, Shape::blocks)
    row_kernel(T const* values, SoftmaxSpec spec, EpilogueView out) {
  extern __shared__ __align__(vector_bytes) std::byte shared[];
  softmax_of_rows<Shape>(values, spec, out, shared);
}

template <class T>
__global__ void __launch_bounds__(stream_threads)
    stream_kernel(T const* values, SoftmaxSpec spec, EpilogueView out) {
  softmax_of_stream(values, spec, out);
}

inline int attribute(cudaDeviceAttr which) {
  int device = 0;
  int value = 0;
  check(cudaGetDevice(&device), "cannot ask for the current GPU");
  check(cudaDeviceGetAttribute(&value, which, device), "cannot ask the GPU what it has");
  return value;
}

/// Launches a kernel whose blocks loop, as many as the device holds at once, or `most` of them.
/// @return false if it holds none: it has too little shared memory or too few registers
template <class T>
bool launch(void (*kernel)(T const*, SoftmaxSpec, EpilogueView), int threads, std::size_t shared,
            std::int64_t most, T const* values, SoftmaxSpec const& spec, EpilogueView const& out,
            cudaStream_t stream) {
  int per_processor = 0;
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                           static_cast<int>(shared)) != cudaSuccess) {
    cudaGetLastError(); // that was all
    return false;
  }
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                             cudaSharedmemCarveoutMaxShared),
        "cannot give shared memory to the kernel of the distributions");
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_processor, kernel, threads, shared),
        "cannot ask how often the kernel of the distributions fits the GPU");
  if (per_processor == 0) {
    return false;
  }
  auto const held = std::int64_t{attribute(cudaDevAttrMultiProcessorCount)} * per_processor;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(std::min(most, held)));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = shared;
  config.stream = stream;
  auto const status = cudaLaunchKernelEx(&config, kernel, values, spec, out);
  if (status == cudaErrorLaunchOutOfResources) { // tools that watch kernels take some
    cudaGetLastError();
    return false;
  }
  check(status, "cannot start the kernel of the distributions");
  return true;
}

/// @return false if the shape has too few places for a row, or the device too little for it
template <class Shape, class T>
bool launch_tiles(T const* values, SoftmaxSpec const& spec, EpilogueView const& out,
                  cudaStream_t stream) {
  if (spec.classes > Shape::most_classes) {
    return false;
  }
  auto const shared = Shape::warps * Shape::bytes_per_warp(spec.classes);
  constexpr auto rows = std::int64_t{Shape::warps} * Shape::rows;
  return launch(tile_kernel<Shape, T>, Shape::warps * 32, shared, (spec.rows + rows - 1) / rows,
                values, spec, out, stream);
}

/// @return false if the shape has too few places for a row, or the device too little shared memory
template <class Shape, class T>
bool launch_rows(T const* values, SoftmaxSpec const& spec, EpilogueView const& out,
                 cudaStream_t stream) {
  auto const shared = flat_bytes(static_cast<std::size_t>(spec.classes) * sizeof(T));
  if (!Shape::fits(spec.classes) ||
      shared + sizeof(BlockExchange<Shape::warps>) >
          static_cast<std::size_t>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin))) {
    return false;
  }
  return launch(row_kernel<Shape, T>, Shape::threads, shared, spec.rows, values, spec, out, stream);
}

template <class T>
void launch_stream(T const* values, SoftmaxSpec const& spec, EpilogueView const& out,
                   cudaStream_t stream) {
  if (!launch(stream_kernel<T>, stream_threads, 0, spec.rows, values, spec, out, stream)) {
    throw run_failure("cannot start the kernel of the distributions",
                      "the GPU has too few registers for it", "take another GPU, or --device cpu");
  }
}

} // namespace fod::cuda
