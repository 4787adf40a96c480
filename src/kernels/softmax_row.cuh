#pragma once

#include "row.cuh"
#include "softmax.hpp"

#include <cstdint>

/// What the kernels of the softmax have in common. Sums are exact, in fixed point: a row's bits
/// depend neither on how many threads share it nor on where in memory it starts.
namespace fod::cuda {

/// 1 in the sums: 2^-41 is lost at most per class, and 2^23 classes fit.
constexpr std::int64_t fixed_one = std::int64_t{1} << 40;
constexpr auto to_fixed = static_cast<float>(fixed_one);
constexpr float from_fixed = 1 / to_fixed;
/// exp of this is 0. Less is as good, but for -inf, which must not meet that 0 in a product.
constexpr float least_exponent = -110;

/// The larger one; NaN if any is NaN.
__device__ inline float max_or_nan(float a, float b) {
  float larger;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(larger) : "f"(a), "f"(b));
  return larger;
}

__device__ inline int lower(int a, int b) {
  return a < b ? a : b;
}

/// Over the classes k, with z = (x_k - max) / temperature.
struct SoftmaxSums {
  std::int64_t mass;     ///< sum exp(z)
  std::int64_t exponent; ///< sum exp(z) z, not positive

  /// @return exp(z), 1 for the largest logit
  __device__ float add(float x, float largest, float inverse_temperature) {
    float const z = max_or_nan((x - largest) * inverse_temperature, least_exponent);
    float const exponential = expf(z);
    float const fixed = exponential * to_fixed;
    mass += __float2ll_rn(fixed);
    exponent += __float2ll_rn(fixed * z);
    return exponential;
  }
  __device__ static SoftmaxSums joined(SoftmaxSums const& a, SoftmaxSums const& b) {
    return {a.mass + b.mass, a.exponent + b.exponent};
  }
};

/// The value of the lane that differs in the bits of `distance`. All lanes of the warp call it.
template <class T>
__device__ T across(T value, int distance) {
  return __shfl_xor_sync(0xffffffffU, value, distance);
}
__device__ inline SoftmaxSums across(SoftmaxSums const& value, int distance) {
  return {across(value.mass, distance), across(value.exponent, distance)};
}

/// Joins a value of each of `Lanes` neighbouring lanes, for all of them.
template <int Lanes, class T, class Join>
__device__ T joined_by(T value, Join join) {
#pragma unroll
  for (int distance = Lanes / 2; distance > 0; distance /= 2) {
    value = join(value, across(value, distance));
  }
  return value;
}

/// What follows for a row from its sums.
struct SoftmaxRow {
  float scale;   ///< from exp(z) to the probability; NaN if a logit is NaN or inf, or all are -inf
  float entropy; ///< NaN with it

  __device__ SoftmaxRow(SoftmaxSums const& sums, float largest, float inverse_temperature) {
    bool const finite = (largest - largest) * inverse_temperature == 0;
    scale = finite ? 1 / (static_cast<float>(sums.mass) * from_fixed) : NAN;
    // ln(mass) - exponent / mass: neither is negative. The largest logit has exactly 1 in the mass.
    auto const rest = static_cast<float>(sums.mass - fixed_one) * from_fixed;
    entropy = log1pf(rest) - static_cast<float>(sums.exponent) * from_fixed * scale;
  }

  /// The largest probability is exp(0) * scale.
  __device__ void write(EpilogueView const& out, std::int64_t row, int predicted) const {
    bool const finite = scale == scale;
    out.entropy[row] = entropy;
    out.confidence[row] = scale;
    out.prediction[row] = finite ? predicted : -1;
    out.flags[row] = finite ? 0 : row_nonfinite;
  }
};

} // namespace fod::cuda
