#include "groups_support.hpp"

#include "groups/linkage.hpp"

#include <catch2/catch.hpp>

using fod::groups::average_linkage;
using fod::groups::cut_at;
using fod::groups::cut_into;
using fod::groups::Dendrogram;
using fod::groups::MatrixView;
using fod::groups::ward_linkage;
using groups_support::Matrix;

namespace {

/// Average distance between two clusters over their pairs, from the definition.
double average_distance(MatrixView r, std::vector<std::int64_t> const& a,
                        std::vector<std::int64_t> const& b) {
  long double sum = 0;
  for (auto const i : a) {
    for (auto const j : b) {
      sum += 1 - std::abs(static_cast<long double>(r.at(i, j)));
    }
  }
  return static_cast<double>(sum / static_cast<long double>(a.size() * b.size()));
}

/// Heights of UPGMA by looking at all pairs of clusters for each merge.
std::vector<double> naive_heights(MatrixView r) {
  std::vector<std::vector<std::int64_t>> clusters;
  for (std::int64_t i = 0; i < r.n; ++i) {
    clusters.push_back({i});
  }
  std::vector<double> heights;
  while (clusters.size() > 1) {
    double least = 2;
    std::size_t x = 0;
    std::size_t y = 0;
    for (std::size_t a = 0; a < clusters.size(); ++a) {
      for (std::size_t b = a + 1; b < clusters.size(); ++b) {
        if (auto const distance = average_distance(r, clusters[a], clusters[b]); distance < least) {
          least = distance;
          x = a;
          y = b;
        }
      }
    }
    heights.push_back(least);
    clusters[x].insert(clusters[x].end(), clusters[y].begin(), clusters[y].end());
    clusters.erase(clusters.begin() + static_cast<std::ptrdiff_t>(y));
  }
  return heights;
}

/// The neurons under each row of a dendrogram.
std::vector<std::vector<std::int64_t>> members_of(Dendrogram const& merges) {
  auto const n = std::ssize(merges) + 1;
  std::vector<std::vector<std::int64_t>> all;
  for (std::int64_t i = 0; i < n; ++i) {
    all.push_back({i});
  }
  for (auto const& merge : merges) {
    auto both = all[static_cast<std::size_t>(merge.first)];
    auto const& other = all[static_cast<std::size_t>(merge.second)];
    both.insert(both.end(), other.begin(), other.end());
    all.push_back(both);
  }
  return all;
}

void check_form(Dendrogram const& merges) {
  auto const n = std::ssize(merges) + 1;
  std::vector<bool> used(static_cast<std::size_t>(2 * n - 1));
  double last = -1;
  for (std::int64_t k = 0; k < std::ssize(merges); ++k) {
    auto const& merge = merges[static_cast<std::size_t>(k)];
    REQUIRE(merge.first < merge.second);
    REQUIRE(merge.second < n + k);
    REQUIRE(merge.height >= last);
    REQUIRE_FALSE(used[static_cast<std::size_t>(merge.first)]);
    REQUIRE_FALSE(used[static_cast<std::size_t>(merge.second)]);
    used[static_cast<std::size_t>(merge.first)] = used[static_cast<std::size_t>(merge.second)] =
        true;
    last = merge.height;
  }
}

} // namespace

TEST_CASE("average linkage merges the nearest clusters, by the mean over their pairs") {
  for (std::int64_t n = 1; n <= 48; ++n) {
    auto const matrix =
        groups_support::random_correlations(n, 30, static_cast<std::uint64_t>(n + 100));
    auto const merges = average_linkage(matrix.view());
    auto const expected = naive_heights(matrix.view());
    REQUIRE(merges.size() == expected.size());
    check_form(merges);
    auto const members = members_of(merges);
    for (std::size_t k = 0; k < merges.size(); ++k) {
      REQUIRE(std::abs(merges[k].height - expected[k]) < 1e-13);
      REQUIRE(merges[k].size == std::ssize(members[static_cast<std::size_t>(n) + k]));
    }
  }
}

TEST_CASE("with ties too, each merge has the height of its own pairs") {
  std::mt19937_64 random(8);
  for (int trial = 0; trial < 200; ++trial) {
    auto const n = static_cast<std::int64_t>(2 + random() % 40);
    auto const matrix = groups_support::with_ties(n, 4, random);
    auto const merges = average_linkage(matrix.view());
    check_form(merges);
    auto const members = members_of(merges);
    for (auto const& merge : merges) {
      REQUIRE(
          std::abs(merge.height -
                   average_distance(matrix.view(), members[static_cast<std::size_t>(merge.first)],
                                    members[static_cast<std::size_t>(merge.second)])) < 1e-13);
    }
    REQUIRE(merges.front().height == naive_heights(matrix.view()).front());
  }
}

TEST_CASE("a cut joins what merges up to its height, the height included") {
  Matrix matrix(5);
  matrix.set(0, 3, -0.9);
  matrix.set(1, 4, 0.6);
  auto const merges = average_linkage(matrix.view());
  CHECK(cut_at(merges, 1 - 0.6) == std::vector<std::int32_t>{0, 1, 2, 0, 1});
  CHECK(cut_at(merges, std::nextafter(1 - 0.6, 0)) == std::vector<std::int32_t>{0, 1, 2, 0, 3});
  CHECK(cut_at(merges, 0) == std::vector<std::int32_t>{0, 1, 2, 3, 4});
  CHECK(cut_at(merges, 1) == std::vector<std::int32_t>{0, 0, 0, 0, 0});
  CHECK(cut_into(merges, 4) == std::vector<std::int32_t>{0, 1, 2, 0, 3});
  CHECK(cut_into(merges, 3) == std::vector<std::int32_t>{0, 1, 2, 0, 1});
  CHECK(cut_into(merges, 1) == std::vector<std::int32_t>(5, 0));
  CHECK(cut_into(merges, 9) == std::vector<std::int32_t>{0, 1, 2, 3, 4});
}

TEST_CASE("Ward linkage loses the least of the sum of squares at each merge") {
  for (std::int64_t n = 2; n <= 30; ++n) {
    auto const matrix =
        groups_support::random_correlations(n, 25, static_cast<std::uint64_t>(n + 300));
    auto const r = matrix.view();
    auto const merges = ward_linkage(r, 1);
    CHECK(ward_linkage(r, 3) == merges);
    check_form(merges);
    auto const members = members_of(merges);
    auto const mean = [&](std::vector<std::int64_t> const& of, std::int64_t j) {
      long double sum = 0;
      for (auto const i : of) {
        sum += static_cast<long double>(r.at(i, j)) * r.at(i, j);
      }
      return sum / static_cast<long double>(of.size());
    };
    // The height is sqrt(2 |a| |b| / (|a| + |b|)) times the distance between the means.
    auto const height = [&](std::vector<std::int64_t> const& a,
                            std::vector<std::int64_t> const& b) {
      long double square = 0;
      for (std::int64_t j = 0; j < n; ++j) {
        auto const difference = mean(a, j) - mean(b, j);
        square += difference * difference;
      }
      auto const sizes = static_cast<long double>(a.size() + b.size());
      return static_cast<double>(
          std::sqrt(2 * square * static_cast<long double>(a.size() * b.size()) / sizes));
    };
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
      left.push_back(i);
    }
    for (std::size_t k = 0; k < merges.size(); ++k) {
      double least = 1e9;
      for (auto const a : left) {
        for (auto const b : left) {
          least = a < b ? std::min(least, height(members[a], members[b])) : least;
        }
      }
      REQUIRE(std::abs(merges[k].height - least) < 1e-12);
      REQUIRE(std::abs(height(members[static_cast<std::size_t>(merges[k].first)],
                              members[static_cast<std::size_t>(merges[k].second)]) -
                       least) < 1e-12);
      std::erase(left, static_cast<std::size_t>(merges[k].first));
      std::erase(left, static_cast<std::size_t>(merges[k].second));
      left.push_back(static_cast<std::size_t>(n) + k);
    }
  }
}
