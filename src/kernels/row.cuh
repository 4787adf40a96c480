#pragma once

#include "sides.cuh"
#include "transform.cuh"

#include "../ensemble/finish.hpp"

#include "fod/kernels.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstdint>

/// The arithmetic on one row, the same for both twins. `Lanes` says which entries this thread
/// takes and how the threads of a row put theirs together: one thread on the host, a warp on the
/// device.
namespace fod::row {

__host__ __device__ inline float widen(__half value) {
  return __half2float(value);
}
__host__ __device__ inline float widen(__nv_bfloat16 value) {
  return __bfloat162float(value);
}
__host__ __device__ inline float widen(float value) {
  return value;
}
__host__ __device__ inline double widen(double value) {
  return value;
}

template <class T, class Lanes>
__host__ __device__ std::uint8_t softmax(T const* x, std::int64_t n, float inverse_temperature,
                                         float* p, Lanes lanes) {
  using Wide = decltype(widen(T{}));
  Wide largest = -INFINITY;
  bool nan = false;
  for (std::int64_t k = lanes.first(); k < n; k += lanes.step()) {
    Wide const value = widen(x[k]);
    nan = nan || value != value;
    largest = value > largest ? value : largest;
  }
  largest = lanes.max(largest);
  auto const factor = static_cast<Wide>(inverse_temperature);
  // In float32 the sum over 50,000 classes would lose the last digits.
  double sum = 0;
  for (std::int64_t k = lanes.first(); k < n; k += lanes.step()) {
    sum += static_cast<double>(std::exp((widen(x[k]) - largest) * factor));
  }
  sum = lanes.sum(sum);
  auto const scale = static_cast<Wide>(1 / sum);
  for (std::int64_t k = lanes.first(); k < n; k += lanes.step()) {
    p[k] = static_cast<float>(std::exp((widen(x[k]) - largest) * factor) * scale);
  }
  // Infinite or missing logits leave no finite sum; a single NaN spoils the sum as well.
  return lanes.any(nan) || !(sum < INFINITY) ? row_nonfinite : 0;
}

template <class T, class Lanes>
__host__ __device__ std::uint8_t sigmoid(T const* x, float inverse_temperature, float* p,
                                         Lanes lanes) {
  using Wide = decltype(widen(T{}));
  auto const value = widen(x[0]) * static_cast<Wide>(inverse_temperature);
  auto const positive = static_cast<float>(1 / (1 + std::exp(-value)));
  if (lanes.first() == 0) {
    p[0] = 1 - positive;
    p[1] = positive;
  }
  return value == value ? 0 : row_nonfinite;
}

/// A probability of class 1.
template <class T, class Lanes>
__host__ __device__ std::uint8_t positive(T const* x, float tolerance, float* p, Lanes lanes) {
  auto const value = widen(x[0]);
  if (lanes.first() == 0) {
    auto const inside = value < 0 ? decltype(value)(0) : value > 1 ? decltype(value)(1) : value;
    p[0] = static_cast<float>(1 - inside);
    p[1] = static_cast<float>(inside);
  }
  if (!(std::fabs(value) < INFINITY)) {
    return row_nonfinite;
  }
  return value < -tolerance || value > 1 + tolerance ? row_no_distribution : 0;
}

/// Sums of probabilities are held to this where nothing was computed in half precision.
constexpr float exact_tolerance = 1e-4F;

template <class T, class Lanes>
__host__ __device__ std::uint8_t probabilities(T const* x, std::int64_t n, float tolerance,
                                               float* p, Lanes lanes) {
  bool outside = false;
  double sum = 0;
  double positive_sum = 0;
  for (std::int64_t k = lanes.first(); k < n; k += lanes.step()) {
    auto const value = widen(x[k]);
    outside = outside || value < -tolerance || value > 1 + tolerance;
    sum += static_cast<double>(value);
    positive_sum += value > 0 ? static_cast<double>(value) : 0;
  }
  sum = lanes.sum(sum);
  positive_sum = lanes.sum(positive_sum);
  // What was computed in half precision misses 0 and 1 by rounding.
  bool const rounded = tolerance > exact_tolerance && std::fabs(sum) < INFINITY;
  auto const divisor = rounded ? static_cast<float>(positive_sum) : 1.0F;
  for (std::int64_t k = lanes.first(); k < n; k += lanes.step()) {
    auto const value = static_cast<float>(widen(x[k]));
    p[k] = rounded ? (value > 0 ? value : 0.0F) / divisor : value;
  }
  if (!(std::fabs(sum) < INFINITY)) {
    return row_nonfinite;
  }
  return lanes.any(outside) || std::fabs(sum - 1) > tolerance ? row_no_distribution : 0;
}

/// The output itself; `sigmoid` becomes (0, x), of which the softmax is [1-p, p].
template <class T, class Lanes>
__host__ __device__ void copy_logits(T const* x, EpilogueSpec const& spec, float* logits,
                                     Lanes lanes) {
  if (is_binary(spec.mode)) {
    if (lanes.first() == 0) {
      logits[0] = 0;
      logits[1] = static_cast<float>(widen(x[0]));
    }
    return;
  }
  for (std::int64_t k = lanes.first(); k < spec.inputs; k += lanes.step()) {
    logits[k] = static_cast<float>(widen(x[k]));
  }
}

/// All of one row.
template <class T, class Lanes>
__host__ __device__ void run(T const* values, EpilogueSpec const& spec, std::int64_t row,
                             EpilogueView const& out, Lanes lanes) {
  auto const classes = spec.classes();
  T const* x = values + row * spec.inputs;
  float* p = out.distributions + row * classes;
  std::uint8_t flags = 0;
  if (out.logits != nullptr) {
    copy_logits(x, spec, out.logits + row * classes, lanes);
  }
  if (spec.mode == OutputMode::logits) {
    flags = softmax(x, spec.inputs, spec.transforms.inverse_temperature, p, lanes);
  } else if (spec.mode == OutputMode::sigmoid) {
    flags = sigmoid(x, spec.transforms.inverse_temperature, p, lanes);
  } else if (spec.mode == OutputMode::positive) {
    flags = positive(x, spec.tolerance, p, lanes);
  } else {
    flags = probabilities(x, spec.inputs, spec.tolerance, p, lanes);
  }
  lanes.meet();
  if (flags == 0 && spec.transforms.size > 0) {
    apply(spec.transforms, p, classes, lanes);
    flags = is_distribution(p, classes, spec.tolerance, lanes) ? 0 : row_no_distribution;
  }
  finish(p, classes, row, flags, out, lanes);
}

} // namespace fod::row
