#pragma once

#include "flat_copy.cuh"
#include "softmax_row.cuh"

/// Softmax of many classes: a block keeps a row in registers, and fetches its next one into shared
/// memory meanwhile.
namespace fod::cuda {

/// How a block divides a row.
template <int ThreadsPerBlock, int ValuesPerThread, int BlocksPerProcessor>
struct RowShape {
  static constexpr int threads = ThreadsPerBlock;
  static constexpr int values = ValuesPerThread;
  static constexpr int blocks = BlocksPerProcessor; ///< that the registers must suffice for
  static constexpr int warps = threads / 32;
  /// Values that are skipped together where a thread has fewer than `values`.
  static constexpr int together = values % 4 == 0 ? 4 : 7;
  /// Floats in a line of the cache. Where rows do not start at one, threads start at the one
  /// before.
  static constexpr int line = 32;

  static constexpr bool on_lines(std::int64_t classes) { return classes % line == 0; }
  static constexpr bool fits(std::int64_t classes) {
    return classes + (on_lines(classes) ? 0 : line - 1) <= std::int64_t{threads} * values;
  }
};

/// What the warps of a block tell each other of a row. No part is used again before all threads
/// have met twice more.
template <int Warps>
struct BlockExchange {
  float largest[Warps];
  SoftmaxSums sums[Warps];
  int predicted[Warps];

  /// Joins a value of every thread. All threads of the block call it.
  template <class T, class Join>
  __device__ static T joined(T (&parts)[Warps], T value, Join join) {
    value = joined_by<32>(value, join);
    if (threadIdx.x % 32 == 0) {
      parts[threadIdx.x / 32] = value;
    }
    __syncthreads();
    return joined_by<Warps>(parts[threadIdx.x % Warps], join);
  }
};

/// Calls `use(i, k, there)` for the i-th class of this thread, all of those that it keeps; the
/// first and the last ones may not be there.
template <class Shape, class Use>
__device__ void each_of_row(int first, int classes, Use use) {
#pragma unroll
  for (int start = 0; start < Shape::values; start += Shape::together) {
    if (start * Shape::threads < classes + Shape::line) { // the same for all threads
#pragma unroll
      for (int i = start; i < start + Shape::together; ++i) {
        int const k = first + i * Shape::threads;
        use(i, k, static_cast<unsigned>(k) < static_cast<unsigned>(classes));
      }
    }
  }
}

template <class Shape, class T>
__device__ void softmax_of_rows(T const* values, SoftmaxSpec const& spec, EpilogueView const& out,
                                std::byte* buffer) {
  using Exchange = BlockExchange<Shape::warps>;
  __shared__ Exchange exchange;
  auto const thread = static_cast<int>(threadIdx.x);
  int const classes = spec.classes;
  auto const fetch_row = [&](std::int64_t row) {
    if (row < spec.rows) {
      fetch(buffer, values + row * classes, classes, values + spec.rows * classes, thread,
            Shape::threads);
    }
    close_group();
  };
  fetch_row(blockIdx.x);
  for (std::int64_t row = blockIdx.x; row < spec.rows; row += gridDim.x) {
    auto const begin = row * classes;
    float* const p = out.distributions + begin;
    auto const past_line =
        static_cast<int>(reinterpret_cast<std::uintptr_t>(p) / sizeof(float) % Shape::line);
    int const first = thread - (Shape::on_lines(classes) ? 0 : past_line);
    await_groups<0>();
    __syncthreads();
    T const* x = place_of(values + begin, buffer);
    float kept[Shape::values];
    float largest = -INFINITY;
    each_of_row<Shape>(first, classes, [&](int i, int k, bool there) {
      kept[i] = there ? row::widen(x[k]) : -INFINITY;
      largest = max_or_nan(largest, kept[i]);
    });
    __syncthreads(); // all have read the buffer
    fetch_row(row + gridDim.x);
    if (out.logits != nullptr) {
      float* const logits = out.logits + begin;
      each_of_row<Shape>(first, classes, [&](int i, int k, bool there) {
        if (there) {
          logits[k] = kept[i];
        }
      });
    }
    largest = Exchange::joined(exchange.largest, largest, max_or_nan);
    SoftmaxSums sums{};
    each_of_row<Shape>(first, classes, [&](int i, int, bool) {
      kept[i] = sums.add(kept[i], largest, spec.inverse_temperature);
    });
    sums = Exchange::joined(exchange.sums, sums, SoftmaxSums::joined);
    SoftmaxRow const result(sums, largest, spec.inverse_temperature);
    int predicted = classes;
    each_of_row<Shape>(first, classes, [&](int i, int k, bool there) {
      auto const probability = kept[i] * result.scale;
      if (there) {
        p[k] = probability;
        predicted = probability == result.scale && k < predicted ? k : predicted;
      }
    });
    predicted = Exchange::joined(exchange.predicted, predicted, lower);
    if (thread == 0) {
      result.write(out, row, predicted);
    }
  }
}

} // namespace fod::cuda
