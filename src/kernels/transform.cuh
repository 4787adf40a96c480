#pragma once

#include "fod/transform.hpp"

#include <bit>
#include <cstdint>

/// The steps of a `TransformChain` on one row, for both twins.
namespace fod::row {

/// Order of the values that are not negative, as integers; those below 0 (by rounding) count as 0.
__host__ __device__ inline std::uint32_t ordered_bits(float value) {
  return std::bit_cast<std::uint32_t>(value > 0 ? value : 0.0F);
}

template <class Lanes>
__host__ __device__ std::int64_t count_from(float const* p, std::int64_t n, std::uint32_t least,
                                            Lanes lanes) {
  std::int64_t count = 0;
  for (std::int64_t k = lanes.first(); k < n; k += lanes.step()) {
    count += ordered_bits(p[k]) >= least ? 1 : 0;
  }
  return lanes.sum(count);
}

/// Keeps the `keep` largest; among equals at the border those of the lower classes.
template <class Lanes>
__host__ __device__ void top_k(float* p, std::int64_t n, std::int64_t keep, Lanes lanes) {
  if (keep >= n) {
    return;
  }
  // The largest border that leaves at least `keep` entries, by bisection of its bits.
  std::uint32_t border = 0;
  for (std::uint32_t bit = 1U << 30; bit > 0; bit >>= 1) {
    if (count_from(p, n, border | bit, lanes) >= keep) {
      border |= bit;
    }
  }
  auto const above = count_from(p, n, border + 1, lanes);
  std::int64_t equals = 0; // of the classes before
  double sum = 0;
  for (std::int64_t base = 0; base < n; base += lanes.step()) { // all lanes take every turn
    auto const k = base + lanes.first();
    auto const bits = k < n ? ordered_bits(p[k]) : 0;
    bool const equal = k < n && bits == border;
    auto const rank = equals + lanes.before(equal); // among the equals
    bool const kept = k < n && (bits > border || (equal && rank < keep - above));
    equals += lanes.total(equal);
    if (k < n) {
      p[k] = kept ? p[k] : 0.0F;
      sum += static_cast<double>(p[k]);
    }
  }
  auto const scale = static_cast<float>(1 / lanes.sum(sum));
  for (std::int64_t k = lanes.first(); k < n; k += lanes.step()) {
    p[k] *= scale;
  }
}

template <class Lanes>
__host__ __device__ void apply(TransformChain const& chain, float* p, std::int64_t n, Lanes lanes) {
  for (std::size_t i = 0; i < chain.size; ++i) {
    auto const& step = chain.steps[i];
    if (step.kind == RowTransform::Kind::smooth) {
      auto const share = step.amount / static_cast<float>(n);
      for (std::int64_t k = lanes.first(); k < n; k += lanes.step()) {
        p[k] = (1 - step.amount) * p[k] + share;
      }
    } else {
      top_k(p, n, step.count, lanes);
    }
    lanes.meet();
  }
}

/// True if the row is still a distribution.
template <class Lanes>
__host__ __device__ bool is_distribution(float const* p, std::int64_t n, float tolerance,
                                         Lanes lanes) {
  double sum = 0;
  bool outside = false;
  for (std::int64_t k = lanes.first(); k < n; k += lanes.step()) {
    sum += static_cast<double>(p[k]);
    outside = outside || !(p[k] >= -tolerance && p[k] <= 1 + tolerance);
  }
  sum = lanes.sum(sum);
  return !lanes.any(outside) && sum >= 1 - tolerance && sum <= 1 + tolerance;
}

} // namespace fod::row
