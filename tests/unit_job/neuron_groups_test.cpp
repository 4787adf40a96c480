// Groups of neurons in activations in memory: planted ones are found, misuse is told.

#include "fod/error.hpp"
#include "fod/neuron_groups.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <set>

using Catch::Matchers::Contains;

namespace {

constexpr std::int64_t samples = 600;
constexpr std::int64_t neurons = 24;

/// Neurons 0 to 9 share a signal, 10 to 16 another one; 17 to 22 are alone, 23 is constant.
std::vector<float> planted() {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (std::int64_t s = 0; s < samples; ++s) {
    float const first = normal(random);
    float const second = normal(random);
    for (std::int64_t n = 0; n < neurons; ++n) {
      float const noise = 0.3F * normal(random);
      float const signal = n < 10 ? first : n < 17 ? -2 * second : 3 * normal(random);
      values.push_back(n == 23 ? 4.0F : 5 + signal + noise);
    }
  }
  return values;
}

std::vector<std::int64_t> range(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> all;
  for (auto i = begin; i < end; ++i) {
    all.push_back(i);
  }
  return all;
}

/// Pearson's r of two neurons, in float64 by the textbook.
double correlation(std::vector<float> const& values, std::int64_t a, std::int64_t b) {
  auto const at = [&](std::int64_t s, std::int64_t n) {
    return static_cast<double>(values[static_cast<std::size_t>(s * neurons + n)]);
  };
  double mean_a = 0;
  double mean_b = 0;
  for (std::int64_t s = 0; s < samples; ++s) {
    mean_a += at(s, a) / samples;
    mean_b += at(s, b) / samples;
  }
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (std::int64_t s = 0; s < samples; ++s) {
    ab += (at(s, a) - mean_a) * (at(s, b) - mean_b);
    aa += (at(s, a) - mean_a) * (at(s, a) - mean_a);
    bb += (at(s, b) - mean_b) * (at(s, b) - mean_b);
  }
  return ab / std::sqrt(aa * bb);
}

} // namespace

TEST_CASE("Planted groups are found by each method") {
  auto const values = planted();
  fod::ActivationsView const view{values, samples, neurons, "fc1"};
  for (std::string const method : {"correlation_clustering", "kmeans", "hierarchical"}) {
    fod::groups::Options options;
    options.group_count = method == "kmeans" ? 8 : 0;
    auto const found = fod::identify_neuron_groups(view, method, options, 2);
    REQUIRE(found.method == method);
    REQUIRE(found.groups.size() >= 2);
    REQUIRE(found.groups[0].neuron_indices == range(0, 10));
    REQUIRE(found.groups[1].neuron_indices == range(10, 17));
    REQUIRE(found.groups[1].group_id == 1);
    REQUIRE(found.groups[0].layer == "fc1");
    REQUIRE(found.groups[0].size() == 10);
    REQUIRE(found.dead == std::vector<std::int64_t>{23});
  }
}

TEST_CASE("Cohesion is the mean |r| over pairs") {
  auto const values = planted();
  auto const found = fod::identify_neuron_groups({values, samples, neurons});
  double sum = 0;
  for (std::int64_t i = 0; i < 10; ++i) {
    for (std::int64_t j = i + 1; j < 10; ++j) {
      sum += std::abs(correlation(values, i, j));
    }
  }
  REQUIRE(found.groups[0].cohesion == Approx(sum / 45).margin(1e-6));
  REQUIRE(found.groups[0].loadings.size() == 10);
  REQUIRE(found.groups[0].mean_activation == Approx(5).margin(0.2));
}

TEST_CASE("Nothing depends on the threads") {
  auto const values = planted();
  auto const one = fod::identify_neuron_groups({values, samples, neurons}, "hierarchical", {}, 1);
  auto const three = fod::identify_neuron_groups({values, samples, neurons}, "hierarchical", {}, 3);
  REQUIRE(one.groups.size() == three.groups.size());
  for (std::size_t g = 0; g < one.groups.size(); ++g) {
    REQUIRE(one.groups[g].neuron_indices == three.groups[g].neuron_indices);
    REQUIRE(one.groups[g].cohesion == three.groups[g].cohesion);
    REQUIRE(one.groups[g].loadings == three.groups[g].loadings);
  }
}

TEST_CASE("Misuse of activations in memory") {
  auto values = planted();
  auto const find = [&](std::int64_t of_samples, std::int64_t of_neurons,
                        fod::groups::Options const& options = {}) {
    return fod::identify_neuron_groups({values, of_samples, of_neurons}, options);
  };
  REQUIRE_THROWS_WITH(find(2, neurons), Contains("3 samples at least"));
  REQUIRE_THROWS_WITH(find(samples, neurons + 1), Contains("have 14400 values"));
  REQUIRE_THROWS_WITH(find(samples, neurons, {.threshold = 0}), Contains("threshold is 0"));
  REQUIRE_THROWS_WITH(find(samples, neurons, {.group_count = 25}), Contains("25 groups of 24"));
  REQUIRE_THROWS_WITH(fod::identify_neuron_groups({values, samples, neurons}, "correlation"),
                      Contains("unknown method 'correlation'") && Contains("hierarchical"));
  values[3 * neurons + 5] = std::numeric_limits<float>::infinity();
  REQUIRE_THROWS_WITH(find(samples, neurons), Contains("sample 3") && Contains("neuron 5"));
}
