#include "groups_support.hpp"

#include "fod/error.hpp"
#include "groups/linkage.hpp"

#include <catch2/catch.hpp>

#include <set>

using fod::groups::average_linkage;
using fod::groups::cut_at;
using fod::groups::cut_into;
using fod::groups::find_groups;
using fod::groups::Grouping;
using fod::groups::grouping_of;
using fod::groups::host_engine;
using fod::groups::legacy_groups;
using fod::groups::Linkage;
using fod::groups::MatrixView;
using fod::groups::Method;
using fod::groups::Options;
using fod::groups::ward_linkage;
using groups_support::Matrix;

namespace {

/// The definition, by sets and from scratch in every round.
struct Star {
  std::int64_t hub;
  std::set<std::int64_t> members;
};
std::vector<Star> stars(MatrixView r, double threshold, std::int64_t least_size) {
  std::set<std::int64_t> left;
  for (std::int64_t i = 0; i < r.n; ++i) {
    left.insert(i);
  }
  std::vector<Star> found;
  for (;;) {
    Star best{-1, {}};
    for (auto const i : left) {
      std::set<std::int64_t> members{i};
      for (auto const j : left) {
        if (i != j && (r.at(i, j) >= threshold || -r.at(i, j) >= threshold)) {
          members.insert(j);
        }
      }
      if (members.size() > best.members.size()) {
        best = {i, members};
      }
    }
    if (best.members.empty() || std::ssize(best.members) < least_size) {
      break;
    }
    for (auto const member : best.members) {
      left.erase(member);
    }
    found.push_back(best);
  }
  std::sort(found.begin(), found.end(), [](Star const& a, Star const& b) {
    return std::pair(-std::ssize(a.members), *a.members.begin()) <
           std::pair(-std::ssize(b.members), *b.members.begin());
  });
  return found;
}

Grouping clustered(Matrix const& matrix, Options const& options, int threads = 1) {
  auto const engine = host_engine(matrix.view(), threads);
  return find_groups(matrix.view(), options, *engine, threads);
}

std::string refusal(Options const& options) {
  try {
    clustered(Matrix(3), options);
  } catch (fod::Error const& error) {
    CHECK(error.code() == fod::ExitCode::usage);
    return error.what();
  }
  return {};
}

} // namespace

TEST_CASE("correlation clustering is what its definition says, ties included") {
  std::mt19937_64 random(5);
  std::vector<double> const thresholds{0.25, 0.5, 0.6, 0.75, 1.0};
  std::size_t grouped = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    auto const n = static_cast<std::int64_t>(1 + random() % 40);
    auto const matrix = groups_support::with_ties(n, trial % 2 == 0 ? 4 : 10, random);
    Options options;
    options.threshold = thresholds[random() % thresholds.size()];
    options.least_size = static_cast<std::int64_t>(1 + random() % 4);
    auto const expected = stars(matrix.view(), options.threshold, options.least_size);
    auto const found = clustered(matrix, options, 1 + trial % 3);
    REQUIRE(found.groups.size() == expected.size());
    REQUIRE(found.hubs.size() == expected.size());
    std::size_t members = 0;
    for (std::size_t g = 0; g < expected.size(); ++g) {
      REQUIRE(found.hubs[g] == expected[g].hub);
      REQUIRE(found.groups[g] ==
              std::vector<std::int64_t>(expected[g].members.begin(), expected[g].members.end()));
      members += found.groups[g].size();
    }
    REQUIRE(members + found.ungrouped.size() == static_cast<std::size_t>(n));
    grouped += members;
  }
  CHECK(grouped > 1000);
}

TEST_CASE("no neurons, one, two") {
  for (auto const method : {Method::correlation_clustering, Method::kmeans, Method::hierarchical}) {
    for (std::int64_t n = 0; n < 3; ++n) {
      for (auto const least_size : {1, 2, 3}) {
        for (auto const count : {0, 1, 2}) {
          Options options;
          options.method = method;
          options.least_size = least_size;
          options.group_count = count;
          auto const found = clustered(Matrix(n, 0.9), options);
          std::size_t all = found.ungrouped.size();
          for (auto const& group : found.groups) {
            CHECK(std::ssize(group) >= least_size);
            all += group.size();
          }
          CHECK(all == static_cast<std::size_t>(n));
          CHECK(found.hubs.size() == found.groups.size());
        }
      }
    }
  }
}

TEST_CASE("nothing correlates: no groups; all is one: one group") {
  for (auto const method : {Method::correlation_clustering, Method::hierarchical}) {
    Options options;
    options.method = method;
    CHECK(clustered(Matrix(50), options).groups.empty());
    CHECK(clustered(Matrix(50), options).ungrouped.size() == 50);
    auto const one = clustered(Matrix(50, 1), options);
    REQUIRE(one.groups.size() == 1);
    CHECK(one.groups[0].size() == 50);
    CHECK(one.hubs[0] == (method == Method::hierarchical ? -1 : 0));
    CHECK(clustered(Matrix(50, -1), options).groups.size() == 1);
  }
}

TEST_CASE("groups do not depend on the number of threads") {
  auto const matrix = groups_support::random_correlations(700, 60, 3);
  for (auto const method : {Method::correlation_clustering, Method::kmeans, Method::hierarchical}) {
    for (auto const linkage : {Linkage::average, Linkage::ward}) {
      Options options;
      options.method = method;
      options.threshold = 0.4;
      options.group_count = method == Method::correlation_clustering ? 0 : 12;
      options.linkage = linkage;
      options.restarts = 3;
      auto const one = clustered(matrix, options, 1);
      CHECK_FALSE(one.groups.empty());
      CHECK(clustered(matrix, options, 2) == one);
      CHECK(clustered(matrix, options, 3) == one);
    }
  }
}

TEST_CASE(
    "linkage is cut at the threshold, or into so many clusters, of which small ones are none") {
  auto const matrix = groups_support::random_correlations(80, 60, 17);
  Options options;
  options.method = Method::hierarchical;
  options.threshold = 0.35;
  auto const average = average_linkage(matrix.view());
  auto const found = clustered(matrix, options);
  CHECK(found == grouping_of(cut_at(average, 1 - 0.35), 3));
  CHECK(found.groups.size() > 1);
  CHECK_FALSE(found.ungrouped.empty());
  options.group_count = 7;
  CHECK(clustered(matrix, options) == grouping_of(cut_into(average, 7), 3));
  options.linkage = Linkage::ward;
  options.least_size = 5;
  auto const ward = clustered(matrix, options);
  CHECK(ward == grouping_of(cut_into(ward_linkage(matrix.view(), 1), 7), 5));
  CHECK(ward.groups.size() > 1);
}

TEST_CASE("groups are ordered by size, then first member") {
  auto const grouping = grouping_of(std::vector<std::int32_t>{7, 3, 3, 7, 1, 9, 9, 9, 4}, 2);
  CHECK(grouping.groups == std::vector<std::vector<std::int64_t>>{{5, 6, 7}, {0, 3}, {1, 2}});
  CHECK(grouping.hubs == std::vector<std::int64_t>{-1, -1, -1});
  CHECK(grouping.ungrouped == std::vector<std::int64_t>{4, 8});
}

TEST_CASE("settings that make no groups are refused") {
  for (auto const threshold : {0.0, -0.5, 1.01, std::nan("")}) {
    Options options;
    options.threshold = threshold;
    CHECK_THAT(refusal(options), Catch::Contains("give a number above 0, up to 1"));
  }
  Options ward;
  ward.method = Method::hierarchical;
  ward.linkage = Linkage::ward;
  CHECK_THAT(refusal(ward), Catch::Contains("Ward linkage has no number of groups"));
}

TEST_CASE("the older tool's groups overlap, and a seed in one starts no other") {
  Matrix cosine(6);
  cosine.set(0, 2, 0.8);
  cosine.set(0, 3, 0.7);
  cosine.set(1, 2, 0.7); // 2 is taken by 0's group and joins that of 1 too
  cosine.set(1, 4, 0.9);
  cosine.set(2, 5, 0.9);  // 2 is no seed any more
  cosine.set(3, 5, -0.9); // a cosine has a sign
  CHECK(legacy_groups(cosine.view(), 0.7, 3) ==
        std::vector<std::vector<std::int64_t>>{{0, 2, 3}, {1, 2, 4}});
  CHECK(legacy_groups(cosine.view(), 0.7, 2) ==
        std::vector<std::vector<std::int64_t>>{{0, 2, 3}, {1, 2, 4}, {2, 5}});
  CHECK(legacy_groups(cosine.view(), 0.75, 1) ==
        std::vector<std::vector<std::int64_t>>{{0, 2}, {1, 4}, {3}, {2, 5}});
  CHECK(legacy_groups(cosine.view(), 0.7, 4) ==
        std::vector<std::vector<std::int64_t>>{{0, 1, 2, 5}}); // what is too small seeds nothing
}
