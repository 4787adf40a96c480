#include "fod/group_engine.hpp"
#include "job_support.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>
#include <vector>

using fod::groups::find_groups;
using fod::groups::host_engine;
using fod::groups::Kernel;
using fod::groups::MatrixView;
using fod::groups::Method;
using fod::groups::Move;
using fod::groups::Options;

namespace {

/// Symmetric, of eighths, so that some are the threshold, or of any numbers.
std::vector<double> random_matrix(std::int64_t n, bool eighths) {
  std::mt19937_64 random(static_cast<std::uint64_t>(n) + 1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<double> values(static_cast<std::size_t>(n * n), 1);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i + 1; j < n; ++j) {
      auto const value = eighths ? std::round(uniform(random) * 8) / 8 : uniform(random);
      values[static_cast<std::size_t>(i * n + j)] = value;
      values[static_cast<std::size_t>(j * n + i)] = value;
    }
  }
  return values;
}

std::vector<std::int64_t> const sizes{0, 1, 2, 31, 33, 300};

} // namespace

TEST_CASE("neighbours are counted, and those of removed neurons taken back") {
  for (auto const& device : job_support::devices()) {
    for (auto const n : sizes) {
      auto const values = random_matrix(n, true);
      MatrixView const r{values.data(), n};
      auto const engine = fod::group_engine(r, device, 2);
      for (auto const threshold : {0.125, 0.5, 1.0}) {
        std::vector<std::int64_t> removed;
        for (std::int64_t i = 0; i < n; i += 3) {
          removed.push_back(i);
        }
        std::vector<std::int64_t> counts(static_cast<std::size_t>(n), -1);
        engine->count_neighbours(threshold, counts);
        auto left = counts;
        engine->discount_neighbours(removed, threshold, left);
        for (std::int64_t i = 0; i < n; ++i) {
          std::int64_t all = 0;
          std::int64_t others = 0;
          for (std::int64_t j = 0; j < n; ++j) {
            bool const near = i != j && std::abs(r.at(i, j)) >= threshold;
            all += near ? 1 : 0;
            others += near && j % 3 != 0 ? 1 : 0;
          }
          REQUIRE(counts[static_cast<std::size_t>(i)] == all);
          REQUIRE(left[static_cast<std::size_t>(i)] == others);
        }
      }
    }
  }
}

TEST_CASE("sums over clusters run over ascending neurons; moves change them in their order") {
  for (auto const& device : job_support::devices()) {
    for (auto const n : sizes) {
      auto const values = random_matrix(n, false);
      MatrixView const r{values.data(), n};
      auto const engine = fod::group_engine(r, device, 2);
      for (auto const kernel : {Kernel::correlation, Kernel::squared, Kernel::absolute}) {
        constexpr std::int64_t clusters = 5; // of which one is empty
        auto const k = [&](std::int64_t i, std::int64_t j) {
          auto const value = r.at(i, j);
          double const square = value * value;
          return kernel == Kernel::squared    ? square
                 : kernel == Kernel::absolute ? std::abs(value)
                                              : value;
        };
        std::vector<std::int32_t> labels;
        std::vector<Move> moves;
        for (std::int32_t i = 0; i < n; ++i) {
          labels.push_back(i * 7 % 11 % 4);
          if (i % 5 == 2) {
            moves.push_back({i, labels.back(), (labels.back() + 2) % 5});
          }
        }
        std::vector<double> sums(static_cast<std::size_t>(clusters * n), NAN);
        engine->cluster_sums(labels, clusters, kernel, sums);
        auto moved = sums;
        engine->move_sums(moves, kernel, moved);
        for (std::int64_t i = 0; i < n; ++i) {
          std::vector<double> expected(clusters);
          for (std::int64_t j = 0; j < n; ++j) {
            expected[static_cast<std::size_t>(labels[static_cast<std::size_t>(j)])] += k(j, i);
          }
          for (std::int64_t c = 0; c < clusters; ++c) {
            REQUIRE(sums[static_cast<std::size_t>(c * n + i)] ==
                    expected[static_cast<std::size_t>(c)]);
          }
          for (auto const& move : moves) {
            expected[static_cast<std::size_t>(move.from)] -= k(move.neuron, i);
            expected[static_cast<std::size_t>(move.to)] += k(move.neuron, i);
          }
          for (std::int64_t c = 0; c < clusters; ++c) {
            REQUIRE(moved[static_cast<std::size_t>(c * n + i)] ==
                    expected[static_cast<std::size_t>(c)]);
          }
        }
      }
    }
  }
}

TEST_CASE("groups are the same on host and device") {
  auto const values = random_matrix(300, false);
  MatrixView const r{values.data(), 300};
  for (auto const& device : job_support::devices()) {
    for (auto const method : {Method::correlation_clustering, Method::kmeans}) {
      Options options;
      options.method = method;
      options.threshold = 0.9;
      options.group_count = 9;
      auto const host = host_engine(r, 1);
      auto const engine = fod::group_engine(r, device, 3);
      auto const expected = find_groups(r, options, *host, 1);
      CHECK(expected.groups.size() > 5);
      CHECK(find_groups(r, options, *engine, 3) == expected);
    }
  }
}
