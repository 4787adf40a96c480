#pragma once

#include "softmax_rows.cuh"

/// Softmax of a row that neither registers nor shared memory hold: a block reads it three times.
namespace fod::cuda {

constexpr int stream_threads = 1024;

template <class T>
__device__ void softmax_of_stream(T const* values, SoftmaxSpec const& spec,
                                  EpilogueView const& out) {
  using Exchange = BlockExchange<stream_threads / 32>;
  __shared__ Exchange exchange;
  auto const thread = static_cast<int>(threadIdx.x);
  for (std::int64_t row = blockIdx.x; row < spec.rows; row += gridDim.x) {
    auto const begin = row * spec.classes;
    T const* const x = values + begin;
    auto const each = [&](auto use) {
#pragma unroll 4
      for (int k = thread; k < spec.classes; k += stream_threads) {
        use(k, row::widen(x[k]));
      }
    };
    float largest = -INFINITY;
    each([&](int, float value) { largest = max_or_nan(largest, value); });
    largest = Exchange::joined(exchange.largest, largest, max_or_nan);
    SoftmaxSums sums{};
    each([&](int, float value) { sums.add(value, largest, spec.inverse_temperature); });
    sums = Exchange::joined(exchange.sums, sums, SoftmaxSums::joined);
    SoftmaxRow const result(sums, largest, spec.inverse_temperature);
    int predicted = spec.classes;
    each([&](int k, float value) {
      SoftmaxSums unused{};
      auto const probability = unused.add(value, largest, spec.inverse_temperature) * result.scale;
      out.distributions[begin + k] = probability;
      if (out.logits != nullptr) {
        out.logits[begin + k] = value;
      }
      predicted = probability == result.scale && k < predicted ? k : predicted;
    });
    predicted = Exchange::joined(exchange.predicted, predicted, lower);
    if (thread == 0) {
      result.write(out, row, predicted);
    }
  }
}

} // namespace fod::cuda
