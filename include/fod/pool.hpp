#pragma once

#include "fod/activations.hpp"
#include "fod/device.hpp"

#include <cstdint>

namespace fod {

/// From a layer's output to one float32 per neuron and sample: `out` is (samples, neurons)
/// row-major. float16, bfloat16, float32 and float64 are taken. `mean` sums over the positions in
/// float32 or wider, in an order that only the view's shape decides; in `max` a NaN wins. With
/// `none`, neuron indices are those of numpy's `output.reshape(samples, -1)`: position * channels +
/// channel where the view says `channels_last`, else channel * positions + position.
/// `nonfinite`, by sample, becomes 1 where a result is NaN or infinite, else 0.
/// All pointers are host pointers, or all are the device's. @throws Error (usage) for other types
namespace host {
void pool(ActivationView const& view, Pooling pooling, float* out, std::uint8_t* nonfinite,
          int threads);
/// Divides each of `count` rows of `neurons` values by its Euclidean norm; a row of zeros stays.
void l2_normalise(float* rows, std::int64_t count, std::int64_t neurons, int threads);
} // namespace host
namespace cuda {
/// Queued on `stream`.
void pool(ActivationView const& view, Pooling pooling, float* out, std::uint8_t* nonfinite,
          StreamView stream);
void l2_normalise(float* rows, std::int64_t count, std::int64_t neurons, StreamView stream);
} // namespace cuda

} // namespace fod
