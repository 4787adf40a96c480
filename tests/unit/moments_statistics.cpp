#include "fod/moments.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>
#include <vector>

namespace {

/// Exact moments of small whole numbers, all in even blocks.
fod::Moments moments_of(std::vector<std::vector<std::int64_t>> const& rows, int bits) {
  auto const width = std::ssize(rows.front());
  fod::Moments moments;
  moments.neurons = width;
  moments.scale.shift.assign(rows.front().size(), 0);
  moments.scale.scale.assign(rows.front().size(), 1);
  moments.scale.bits = bits;
  moments.smallest.assign(rows.front().size(), 1e30F);
  moments.largest.assign(rows.front().size(), -1e30F);
  for (auto& half : moments.halves) {
    half.sums.low.resize(rows.front().size());
    half.products.low.resize(static_cast<std::size_t>(fod::triangle_size(width)));
  }
  auto& half = moments.halves[0];
  half.blocks = 1;
  for (auto const& row : rows) {
    ++half.count;
    std::size_t at = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      half.sums.low[i] += row[i] << bits;
      moments.smallest[i] = std::min(moments.smallest[i], static_cast<float>(row[i]));
      moments.largest[i] = std::max(moments.largest[i], static_cast<float>(row[i]));
      for (std::size_t j = i; j < row.size(); ++j) {
        half.products.low[at++] += (row[i] * row[j]) << bits;
      }
    }
  }
  return moments;
}

/// Two passes in long double.
long double correlation(std::vector<std::vector<std::int64_t>> const& rows, std::size_t i,
                        std::size_t j) {
  auto const n = static_cast<long double>(rows.size());
  long double mean_i = 0;
  long double mean_j = 0;
  for (auto const& row : rows) {
    mean_i += static_cast<long double>(row[i]) / n;
    mean_j += static_cast<long double>(row[j]) / n;
  }
  long double ij = 0;
  long double ii = 0;
  long double jj = 0;
  for (auto const& row : rows) {
    auto const x = static_cast<long double>(row[i]) - mean_i;
    auto const y = static_cast<long double>(row[j]) - mean_j;
    ij += x * y;
    ii += x * x;
    jj += y * y;
  }
  return ij / std::sqrt(ii * jj);
}

std::vector<std::vector<std::int64_t>> random_rows(std::int64_t offset, std::size_t width) {
  std::mt19937 generator(5);
  std::uniform_int_distribution<std::int64_t> uniform(-50, 50);
  std::vector<std::vector<std::int64_t>> rows(200, std::vector<std::int64_t>(width));
  for (auto& row : rows) {
    for (auto& x : row) {
      x = offset + uniform(generator) + (row.front() - (&x == row.data() ? 0 : offset));
    }
  }
  return rows;
}

} // namespace

TEST_CASE("correlations of exact sums, also far from 0, for any number of threads") {
  for (auto const offset : std::vector<std::int64_t>{0, 30'000}) {
    for (auto const width : std::vector<std::size_t>{1, 3, 65, 130}) {
      auto const rows = random_rows(offset, width);
      auto const moments = moments_of(rows, 10);
      auto const one = fod::statistics_of(moments, 1);
      for (std::size_t i = 0; i < width; ++i) {
        CHECK(one.correlation[i * width + i] == 1);
        for (std::size_t j = 0; j < i; ++j) {
          REQUIRE(std::abs(one.correlation[i * width + j] -
                           static_cast<double>(correlation(rows, i, j))) < 1e-14);
          REQUIRE(one.correlation[i * width + j] == one.correlation[j * width + i]);
        }
      }
      auto const three = fod::statistics_of(moments.halves[0], moments.scale, 3);
      CHECK(three.correlation == one.correlation);
      CHECK(three.deviation == one.deviation);
      // The same sums with a second limb take the other way.
      auto wide = moments;
      for (auto& half : wide.halves) {
        half.products.widen();
        half.products.spread();
      }
      auto const other = fod::statistics_of(wide, 2);
      for (std::size_t i = 0; i < one.correlation.size(); ++i) {
        REQUIRE(std::abs(other.correlation[i] - one.correlation[i]) < 1e-12);
      }
    }
  }
}

TEST_CASE("mean and deviation are those of the activations themselves") {
  auto moments = moments_of({{1, 4}, {3, 4}, {5, 4}, {7, 5}}, 20);
  moments.scale.shift = {100, -1};
  moments.scale.scale = {0.5, 4};
  auto const all = fod::statistics_of(moments);
  CHECK(all.mean[0] == Approx(100 + 4 / 0.5));
  CHECK(all.deviation[0] == Approx(std::sqrt(5.0) / 0.5));
  CHECK(all.mean[1] == Approx(-1 + 4.25 / 4));
  CHECK(all.deviation[1] == Approx(std::sqrt(0.1875) / 4));
}

TEST_CASE("columns without variance have no correlation") {
  auto const moments = moments_of({{1, 7, -2, 0}, {2, 7, -4, 0}, {4, 7, -8, 0}}, 10);
  auto const all = fod::statistics_of(moments);
  CHECK(all.deviation[1] == 0);
  CHECK(all.deviation[3] == 0);
  CHECK(all.correlation[2] == -1);
  for (std::size_t j = 0; j < 4; ++j) {
    CHECK(all.correlation[4 + j] == 0);
    CHECK(all.correlation[4 * j + 1] == 0);
  }
  CHECK(fod::dead_neurons(moments) == std::vector<std::int64_t>{1, 3});
  // No sample at all: no NaN either.
  auto const none = fod::statistics_of(moments.halves[1], moments.scale);
  CHECK(none.mean == std::vector<double>(4, 0));
  CHECK(none.correlation == std::vector<double>(16, 0));
}
