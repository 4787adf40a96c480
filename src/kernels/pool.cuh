#pragma once

#include "row.cuh"

#include "fod/error.hpp"
#include "fod/pool.hpp"

#include <cmath>

/// What pooling is, for both twins.
namespace fod::row {

/// Adds up in float64; every type is exact in it.
struct Mean {
  double sum = 0;

  __host__ __device__ void take(double value) { sum += value; }
  __host__ __device__ float result(std::int64_t positions) const {
    return static_cast<float>(sum / static_cast<double>(positions));
  }
  template <class Lanes>
  __host__ __device__ Mean together(Lanes lanes) const {
    return {lanes.sum(sum)};
  }
};

/// The largest value; a NaN stays.
struct Max {
  double largest = -INFINITY;

  __host__ __device__ void take(double value) {
    largest = value > largest || value != value ? value : largest;
  }
  __host__ __device__ float result(std::int64_t /*positions*/) const {
    return static_cast<float>(largest);
  }
  template <class Lanes>
  __host__ __device__ Max together(Lanes lanes) const {
    bool const nan = lanes.any(largest != largest);
    return {nan ? static_cast<double>(NAN) : lanes.max(largest)};
  }
};

/// @throws Error (usage) for what cannot be pooled
inline void check_poolable(ElementType type) {
  if (!is_floating(type)) {
    throw bad_input("a layer's activations are " + std::string(name_of(type)),
                    "neurons are floating point numbers", "choose another layer");
  }
}

__host__ __device__ inline bool is_finite(float value) {
  return std::fabs(value) < INFINITY;
}

/// One neuron of one sample over all positions.
template <class Pool, class T, class Lanes>
__host__ __device__ float pool(T const* values, std::int64_t positions, std::int64_t stride,
                               Lanes lanes) {
  Pool pool;
  for (std::int64_t p = lanes.first(); p < positions; p += lanes.step()) {
    pool.take(static_cast<double>(widen(values[p * stride])));
  }
  return pool.together(lanes).result(positions);
}

/// Where in its sample the value of a neuron lies that is one position of one channel.
__host__ __device__ inline std::int64_t offset_of(ActivationView const& view, std::int64_t neuron) {
  auto const inner = view.channels_last ? view.channels : view.positions;
  auto const outer_index = neuron / inner;
  auto const inner_index = neuron % inner;
  auto const channel = view.channels_last ? inner_index : outer_index;
  auto const position = view.channels_last ? outer_index : inner_index;
  return channel * view.channel_stride + position * view.position_stride;
}

/// Divides a row by its Euclidean norm.
template <class Lanes>
__host__ __device__ void l2_normalise(float* row, std::int64_t neurons, Lanes lanes) {
  double squares = 0;
  for (std::int64_t j = lanes.first(); j < neurons; j += lanes.step()) {
    squares += static_cast<double>(row[j]) * static_cast<double>(row[j]);
  }
  auto const norm = std::sqrt(lanes.sum(squares));
  for (std::int64_t j = lanes.first(); norm != 0 && j < neurons; j += lanes.step()) {
    row[j] = static_cast<float>(static_cast<double>(row[j]) / norm);
  }
}

} // namespace fod::row
