#pragma once

#include <cstdint>

/// Who computes a row. A body takes its entries from `first()` in steps of `step()`, and puts what
/// it found together with the others of the row.
namespace fod::row {

/// The largest probability seen and its class.
struct Best {
  float value = -1.0F;
  std::int32_t index = 0;

  __host__ __device__ void offer(float other, std::int32_t at) {
    if (other > value || (other == value && at < index)) {
      value = other;
      index = at;
    }
  }
};

/// On the host one thread takes the whole row.
struct Alone {
  __host__ __device__ std::int64_t first() const { return 0; }
  __host__ __device__ std::int64_t step() const { return 1; }
  template <class T>
  __host__ __device__ T sum(T value) const {
    return value;
  }
  template <class T>
  __host__ __device__ T max(T value) const {
    return value;
  }
  __host__ __device__ bool any(bool value) const { return value; }
  __host__ __device__ Best best(Best value) const { return value; }
  __host__ __device__ void meet() const {}
  __host__ __device__ std::int64_t before(bool /*flag*/) const { return 0; }
  __host__ __device__ std::int64_t total(bool flag) const { return flag ? 1 : 0; }
};

} // namespace fod::row
