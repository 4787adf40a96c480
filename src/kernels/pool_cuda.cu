#include "dispatch.cuh"
#include "pool.cuh"
#include "warp.cuh"

#include "../device/library.hpp"

namespace fod::cuda {

namespace {

constexpr int threads = 256;

/// Blocks that give each of `count` items a thread.
unsigned blocks_of_threads(std::int64_t count) {
  return static_cast<unsigned>((count + threads - 1) / threads);
}

__device__ std::int64_t item_of_thread() {
  return static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x;
}

/// Every writer of a sample writes the same, so that it does not matter who is last.
__device__ void write(float value, std::int64_t sample, float* out, std::uint8_t* nonfinite) {
  *out = value;
  if (!row::is_finite(value)) {
    nonfinite[sample] = 1; // whichever thread of the sample
  }
}

/// A thread per sample and channel: neighbours read neighbours where channels are the inner ones.
template <class Pool, class T>
__global__ void pool_by_thread(T const* values, ActivationView view, float* out,
                               std::uint8_t* nonfinite) {
  auto const item = item_of_thread();
  if (item < view.samples * view.channels) {
    auto const sample = item / view.channels;
    T const* x = values + sample * view.sample_stride + item % view.channels * view.channel_stride;
    write(row::pool<Pool>(x, view.positions, view.position_stride, row::Alone()), sample,
          out + item, nonfinite);
  }
}

/// A warp per sample and channel, for positions that are neighbours.
template <class Pool, class T>
__global__ void pool_by_warp(T const* values, ActivationView view, float* out,
                             std::uint8_t* nonfinite) {
  auto const item = row_of_warp();
  if (item < view.samples * view.channels) {
    auto const sample = item / view.channels;
    T const* x = values + sample * view.sample_stride + item % view.channels * view.channel_stride;
    auto const lanes = this_warp();
    float const value = row::pool<Pool>(x, view.positions, view.position_stride, lanes);
    if (lanes.first() == 0) {
      write(value, sample, out + item, nonfinite);
    }
  }
}

/// A thread per neuron that is a position of a channel.
template <class T>
__global__ void keep_positions(T const* values, ActivationView view, float* out,
                               std::uint8_t* nonfinite) {
  auto const item = item_of_thread();
  auto const neurons = view.channels * view.positions;
  if (item < view.samples * neurons) {
    auto const sample = item / neurons;
    auto const offset = row::offset_of(view, item % neurons);
    write(static_cast<float>(row::widen(values[sample * view.sample_stride + offset])), sample,
          out + item, nonfinite);
  }
}

__global__ void l2_normalise_kernel(float* rows, std::int64_t count, std::int64_t neurons) {
  auto const row = row_of_warp();
  if (row < count) {
    row::l2_normalise(rows + row * neurons, neurons, this_warp());
  }
}

template <class Pool, class T>
void launch(T const* values, ActivationView const& view, float* out, std::uint8_t* nonfinite,
            cudaStream_t stream) {
  auto const items = view.samples * view.channels;
  if (view.position_stride == 1 && view.positions > 1) {
    pool_by_warp<Pool><<<blocks_for(items), rows_per_block * warp_size, 0, stream>>>(
        values, view, out, nonfinite);
  } else {
    pool_by_thread<Pool>
        <<<blocks_of_threads(items), threads, 0, stream>>>(values, view, out, nonfinite);
  }
}

} // namespace

void pool(ActivationView const& view, Pooling pooling, float* out, std::uint8_t* nonfinite,
          StreamView stream) {
  auto const items = view.samples * view.neurons(pooling);
  row::check_poolable(view.type);
  row::with_type(view.values, view.type, [&](auto const* values) {
    auto const handle = static_cast<cudaStream_t>(stream.handle);
    if (items == 0) {
      return;
    }
    check(cudaMemsetAsync(nonfinite, 0, static_cast<std::size_t>(view.samples), handle),
          "cannot clear the flags of pooling");
    if (pooling == Pooling::mean) {
      launch<row::Mean>(values, view, out, nonfinite, handle);
    } else if (pooling == Pooling::max) {
      launch<row::Max>(values, view, out, nonfinite, handle);
    } else {
      keep_positions<<<blocks_of_threads(items), threads, 0, handle>>>(values, view, out,
                                                                       nonfinite);
    }
    check(cudaGetLastError(), "cannot start the kernel that pools activations");
  });
}

void l2_normalise(float* rows, std::int64_t count, std::int64_t neurons, StreamView stream) {
  if (count == 0) {
    return;
  }
  l2_normalise_kernel<<<blocks_for(count), rows_per_block * warp_size, 0,
                        static_cast<cudaStream_t>(stream.handle)>>>(rows, count, neurons);
  check(cudaGetLastError(), "cannot start the kernel that normalises activations");
}

} // namespace fod::cuda
