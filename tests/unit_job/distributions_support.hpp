#pragma once

#include "fod/epilogue.hpp"
#include "job_support.hpp"

#include <cstdint>
#include <random>
#include <vector>

/// What the tests of the distributions share.
namespace job_support {

/// Results copied out of an epilogue.
struct Results {
  std::vector<float> distributions;
  std::vector<float> entropy;
  std::vector<float> confidence;
  std::vector<std::int32_t> prediction;
  std::vector<std::uint8_t> flags;
};

/// The rows of a member, whose arrays start there.
inline Results results_of(fod::EpilogueView const& view, std::int64_t rows, std::int64_t classes) {
  auto const copy = [&](auto const* from, std::int64_t count) {
    return std::vector(from, from + count);
  };
  return {copy(view.distributions, rows * classes), copy(view.entropy, rows),
          copy(view.confidence, rows), copy(view.prediction, rows), copy(view.flags, rows)};
}

template <class T>
Results run(fod::Device const& device, std::vector<T> const& values,
            fod::EpilogueSpec const& spec) {
  fod::Epilogue epilogue(device, {spec.rows + 3, spec.classes()});
  auto const input = on_device(device, values);
  epilogue.add(0, input.data(), spec, {});
  return results_of(epilogue.finish(spec.rows, {}).joined.mean, spec.rows, spec.classes());
}

inline std::vector<float> random_values(std::size_t count, float scale) {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(count);
  for (auto& value : values) {
    value = normal(generator);
  }
  return values;
}

} // namespace job_support
