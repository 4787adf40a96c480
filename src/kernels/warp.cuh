#pragma once

#include "sides.cuh"

#include "../ensemble/lanes.hpp"

/// For .cu files that launch kernels: the threads of a warp share a row.
namespace fod::cuda {

constexpr int warp_size = 32;
constexpr unsigned whole_warp = 0xffffffffU;
constexpr int rows_per_block = 4;

struct Warp {
  int lane;
  __host__ __device__ std::int64_t first() const { return lane; }
  __host__ __device__ std::int64_t step() const { return warp_size; }
  template <class T>
  __device__ T sum(T value) const {
    for (int distance = warp_size / 2; distance > 0; distance /= 2) {
      value += __shfl_xor_sync(whole_warp, value, distance);
    }
    return value;
  }
  template <class T>
  __device__ T max(T value) const {
    for (int distance = warp_size / 2; distance > 0; distance /= 2) {
      T const other = __shfl_xor_sync(whole_warp, value, distance);
      value = other > value ? other : value;
    }
    return value;
  }
  __device__ bool any(bool value) const { return __any_sync(whole_warp, value) != 0; }
  __device__ row::Best best(row::Best value) const {
    for (int distance = warp_size / 2; distance > 0; distance /= 2) {
      row::Best other;
      other.value = __shfl_xor_sync(whole_warp, value.value, distance);
      other.index = __shfl_xor_sync(whole_warp, value.index, distance);
      value.offer(other.value, other.index);
    }
    return value;
  }
  __device__ void meet() const { __syncwarp(); }
  /// Lanes before this one whose flag is set; all lanes of the warp call it.
  __device__ std::int64_t before(bool flag) const {
    return __popc(__ballot_sync(whole_warp, flag) & ((1U << lane) - 1U));
  }
  __device__ std::int64_t total(bool flag) const { return __popc(__ballot_sync(whole_warp, flag)); }
};

/// Row of this thread's warp, and its lane.
__device__ inline std::int64_t row_of_warp() {
  return static_cast<std::int64_t>(blockIdx.x) * rows_per_block + threadIdx.x / warp_size;
}
__device__ inline Warp this_warp() {
  return {static_cast<int>(threadIdx.x) % warp_size};
}
/// Blocks that cover so many rows.
inline unsigned blocks_for(std::int64_t rows) {
  return static_cast<unsigned>((rows + rows_per_block - 1) / rows_per_block);
}

} // namespace fod::cuda
