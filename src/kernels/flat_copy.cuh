#pragma once

#include <cstddef>
#include <cstdint>
#include <cuda_runtime.h>

/// For .cu files: runs of values between global and shared memory, 16 bytes at a time wherever
/// they start. A run lies in shared memory as far from a border of 16 bytes as in global memory.
namespace fod::cuda {

constexpr int vector_bytes = 16;

/// Bytes of shared memory for a run of so many, wherever it starts.
constexpr std::size_t flat_bytes(std::size_t bytes) {
  return (bytes + 2 * vector_bytes - 1) / vector_bytes * vector_bytes;
}

__device__ inline unsigned bytes_past_border(void const* place) {
  return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(place) % vector_bytes);
}

/// Where the run that belongs to `global` starts in a buffer.
template <class T>
__device__ T* place_of(T const* global, std::byte* buffer) {
  return reinterpret_cast<T*>(buffer + bytes_past_border(global));
}

/// Queues the copy of a run of `count` values into its place in `buffer`, shared by `threads`
/// threads of which this is number `thread`. It reads whole vectors, so from up to 15 bytes before
/// the run on: they are in the allocation, which starts at a border. A vector that would pass the
/// `end` of the array is copied value by value: although no byte is read there, tools that watch
/// kernels count one of fewer bytes as whole.
template <class T>
__device__ void fetch(std::byte* buffer, T const* global, int count, T const* end, int thread,
                      int threads) {
  auto const past = static_cast<int>(bytes_past_border(global));
  auto const* const from = reinterpret_cast<std::byte const*>(global) - past;
  int const bytes = past + count * static_cast<int>(sizeof(T));
  auto const to = static_cast<unsigned>(__cvta_generic_to_shared(buffer));
#pragma unroll 1
  for (int at = vector_bytes * thread; at < bytes; at += vector_bytes * threads) {
    if (from + at + vector_bytes > reinterpret_cast<std::byte const*>(end)) {
#pragma unroll 1
      for (int i = at < past ? past : at; i < bytes; i += static_cast<int>(sizeof(T))) {
        *reinterpret_cast<T*>(buffer + i) = *reinterpret_cast<T const*>(from + i);
      }
      continue;
    }
    int const size = bytes - at < vector_bytes ? bytes - at : vector_bytes;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to + at), "l"(from + at),
                 "r"(size)
                 : "memory");
  }
}

/// Ends a group of copies, which may be empty.
__device__ inline void close_group() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Waits for this thread's copies but those of the last `Left` groups.
template <int Left>
__device__ void await_groups() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Left) : "memory");
}

/// Writes a run from its place in shared memory.
__device__ inline void write_back(float* global, float const* shared, int count, int thread,
                                  int threads) {
  constexpr int width = vector_bytes / sizeof(float);
  auto const past = static_cast<int>(bytes_past_border(global) / sizeof(float));
  int const head = min(count, (width - past) % width);
  int const vectors = (count - head) / width;
  auto const* const from = reinterpret_cast<float4 const*>(shared + head);
  auto* const to = reinterpret_cast<float4*>(global + head);
#pragma unroll 2
  for (int at = thread; at < vectors; at += threads) {
    to[at] = from[at];
  }
  int const done = head + vectors * width;
  if (thread < head) {
    global[thread] = shared[thread];
  }
  if (thread < count - done) {
    global[done + thread] = shared[done + thread];
  }
}

} // namespace fod::cuda
