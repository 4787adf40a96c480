#include "fod/group_patterns.hpp"
#include "job_support.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>

namespace {

/// Every third neuron is dead; groups of 1, 2, 3, … neurons, of which every other one opposes.
fod::LayerPattern layer_of(std::int64_t neurons, std::int64_t groups) {
  fod::LayerPattern layer;
  for (std::int64_t j = 0; j < neurons; ++j) {
    layer.mean.push_back(0.25 * static_cast<double>(j % 7) - 0.5);
    layer.deviation.push_back(j % 3 == 2 ? 0 : 0.5 + 0.125 * static_cast<double>(j % 5));
  }
  std::int64_t next = 0;
  for (std::int64_t g = 0; g < groups; ++g) {
    auto& members = layer.groups.emplace_back();
    auto& signs = layer.signs.emplace_back();
    for (std::int64_t m = 0; m <= g && next < neurons; next += 1) {
      if (next % 3 != 2) {
        members.push_back(next);
        signs.push_back(m % 2 == 0 ? 1 : -1);
        ++m;
      }
    }
  }
  return layer;
}

} // namespace

TEST_CASE("a group's activity is the mean of its standardised neurons, on host and device") {
  std::mt19937_64 random(3);
  std::normal_distribution<float> normal;
  for (auto const& device : job_support::devices()) {
    for (std::int64_t const rows : {0, 1, 31, 32, 33, 300}) {
      for (std::int64_t const neurons : {1, 31, 32, 33, 200}) {
        auto const layer = layer_of(neurons, neurons > 30 ? 5 : 1);
        std::vector<float> values(static_cast<std::size_t>(rows * neurons));
        for (auto& value : values) {
          value = normal(random);
        }
        auto const there = job_support::on_device(device, values);
        fod::GroupPatterns patterns(device, layer, 300, 2);
        REQUIRE(patterns.groups() == std::ssize(layer.groups));
        auto const view = patterns.run(static_cast<float const*>(there.data()), rows, {});
        for (std::int64_t row = 0; row < rows; ++row) {
          auto const standardised = [&](std::int64_t j) {
            auto const at = static_cast<std::size_t>(j);
            auto const x = static_cast<double>(values[static_cast<std::size_t>(row * neurons + j)]);
            return (x - layer.mean[at]) / layer.deviation[at];
          };
          long double sum = 0;
          long double squares = 0;
          std::int64_t alive = 0;
          for (std::int64_t j = 0; j < neurons; ++j) {
            if (layer.deviation[static_cast<std::size_t>(j)] > 0) {
              sum += standardised(j);
              squares += standardised(j) * standardised(j);
              ++alive;
            }
          }
          auto const mean = static_cast<double>(sum / alive);
          auto const variance = static_cast<double>(squares / alive) - mean * mean;
          REQUIRE(view.mean[row] == Approx(mean).margin(1e-12));
          REQUIRE(view.deviation[row] == Approx(std::sqrt(std::max(0.0, variance))).margin(1e-7));
          for (std::size_t g = 0; g < layer.groups.size(); ++g) {
            double center = 0;
            for (std::size_t m = 0; m < layer.groups[g].size(); ++m) {
              center += layer.signs[g][m] * standardised(layer.groups[g][m]) /
                        static_cast<double>(layer.groups[g].size());
            }
            auto const at = row * patterns.groups() + static_cast<std::int64_t>(g);
            REQUIRE(static_cast<double>(view.centers[at]) == Approx(center).margin(1e-6));
          }
        }
      }
    }
  }
}
