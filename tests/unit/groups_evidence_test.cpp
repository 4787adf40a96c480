#include "groups_support.hpp"

#include "fod/error.hpp"
#include "fod/group_evidence.hpp"

#include <catch2/catch.hpp>

#include <numeric>

using fod::groups::adjusted_rand_index;
using fod::groups::chance_bound;
using fod::groups::group_stability;
using fod::groups::Grouping;
using fod::groups::jaccard;
using fod::groups::labels_of;
using fod::groups::Match;
using fod::groups::match_groups;
using fod::groups::upper_normal_quantile;

namespace {

/// The index from its definition over pairs of things.
double rand_index_by_pairs(std::vector<std::int64_t> const& a, std::vector<std::int64_t> const& b) {
  double both = 0;
  double in_a = 0;
  double in_b = 0;
  double all = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = i + 1; j < a.size(); ++j) {
      both += a[i] == a[j] && b[i] == b[j] ? 1 : 0;
      in_a += a[i] == a[j] ? 1 : 0;
      in_b += b[i] == b[j] ? 1 : 0;
      all += 1;
    }
  }
  auto const expected = in_a * in_b / all;
  return (both - expected) / ((in_a + in_b) / 2 - expected);
}

std::vector<std::int64_t> numbers(std::int64_t count, std::int64_t (*of)(std::int64_t)) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < count; ++i) {
    all.push_back(of(i));
  }
  return all;
}

using Groups = std::vector<std::vector<std::int64_t>>;

} // namespace

// Reference values of this file are scipy's and scikit-learn's:
// sklearn.metrics.adjusted_rand_score, scipy.stats.norm.isf, numpy.tanh(norm.isf(-expm1(log1p(-p) /
// pairs) / 2) / sqrt(N - 3)).

TEST_CASE("the adjusted Rand index is scikit-learn's") {
  auto const a = numbers(40, [](std::int64_t i) { return i * i % 7; });
  auto const b = numbers(40, [](std::int64_t i) { return (i * 3 + i / 5) % 4; });
  auto const c = numbers(40, [](std::int64_t i) { return i % 7 / 2; });
  CHECK(adjusted_rand_index(a, b) == Approx(-0.06746259319117877).epsilon(1e-14));
  CHECK(adjusted_rand_index(a, c) == Approx(0.32080251202800525).epsilon(1e-14));
  std::vector<std::int64_t> const same(5, 3);
  auto const single = numbers(5, [](std::int64_t i) { return 9 - i; });
  CHECK(adjusted_rand_index(same, same) == 1);
  CHECK(adjusted_rand_index(single, single) == 1);
  CHECK(adjusted_rand_index(same, single) == 0);
  CHECK(adjusted_rand_index({}, {}) == 1);
  CHECK_THROWS_WITH(adjusted_rand_index(a, same), Catch::Contains("40 things, the other of 5"));
}

TEST_CASE("the adjusted Rand index counts pairs") {
  std::mt19937_64 random(2);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<std::int64_t> a(2 + random() % 60);
    std::vector<std::int64_t> b(a.size());
    auto const clusters = 2 + random() % 6;
    std::generate(a.begin(), a.end(),
                  [&] { return static_cast<std::int64_t>(random() % clusters); });
    std::generate(b.begin(), b.end(), [&] { return static_cast<std::int64_t>(random() % 5); });
    auto const expected = rand_index_by_pairs(a, b);
    if (std::isfinite(expected)) { // else both are trivial
      REQUIRE(std::abs(adjusted_rand_index(a, b) - expected) < 1e-12);
    }
  }
  // Pairs of pairs that 64 bits could not hold.
  auto const long_a = numbers(400000, [](std::int64_t i) { return i % 2; });
  auto const long_b = numbers(400000, [](std::int64_t i) { return i / 200000; });
  CHECK(adjusted_rand_index(long_a, long_a) == 1);
  CHECK(std::abs(adjusted_rand_index(long_a, long_b)) < 1e-5);
}

TEST_CASE("each ungrouped neuron is a cluster of its own") {
  Grouping const grouping{{{1, 4}, {0, 3}}, {-1, -1}, {2, 5}};
  CHECK(labels_of(grouping, 6) == std::vector<std::int64_t>{1, 0, 2, 1, 0, 3});
}

TEST_CASE("stability is the overlap with the most similar groups of both halves") {
  Grouping const whole{{{0, 1, 2, 3}, {5, 6, 7}}, {-1, -1}, {}};
  Grouping const even{{{0, 1, 2}, {3, 5, 6, 7}}, {-1, -1}, {}};
  Grouping const odd{{{0, 1, 2, 3}}, {-1}, {}};
  auto const stability = group_stability(whole, even, odd);
  REQUIRE(stability.size() == 2);
  CHECK(stability[0] == Approx((0.75 + 1) / 2));
  CHECK(stability[1] == Approx((0.75 + 0) / 2));
  CHECK(jaccard(std::vector<std::int64_t>{1, 3, 5}, std::vector<std::int64_t>{2, 3, 4, 5, 9}) ==
        2.0 / 6);
  CHECK(jaccard({}, {}) == 0);
}

TEST_CASE("quantiles of the normal distribution are scipy's") {
  for (auto const& [probability, expected] : std::vector<std::pair<double, double>>{
           {0.3, 0.5244005127080409},
           {0.075, 1.4395314709384563},
           {0.0749, 1.4402382675279635},
           {0.01, 2.3263478740408408},
           {0.975, -1.959963984540054},
           {1e-5, 4.264890793922825},
           {1.3887943864964021e-11, 6.657904643501104},
           {1e-12, 7.034483825301131},
           {1e-20, 9.262340089798409},
           {1e-100, 21.273453560965322},
           {1e-300, 37.0470962993612},
       }) {
    CHECK(upper_normal_quantile(probability) == Approx(expected).epsilon(4e-15));
  }
  CHECK(upper_normal_quantile(0.5) == 0);
}

TEST_CASE("the chance bound is that of the largest of all pairs") {
  CHECK(chance_bound(100, 435) == Approx(0.40511404707458987).epsilon(1e-13));
  CHECK(chance_bound(1000, 130816) == Approx(0.16858479781560626).epsilon(1e-13));
  CHECK(chance_bound(50000, 8386560) == Approx(0.0271867564436456).epsilon(1e-13));
  CHECK(chance_bound(20000, 134209536) == Approx(0.04600736000633528).epsilon(1e-13));
  CHECK(chance_bound(10, 1) == Approx(0.7502697648572898).epsilon(1e-13));
  CHECK(chance_bound(4, 3) == Approx(0.994360717702541).epsilon(1e-13));
  CHECK(chance_bound(3, 1) == 1);
  CHECK(chance_bound(0, 5) == 1);
  CHECK(chance_bound(1000, 0) == 0);
}

TEST_CASE("independent neurons exceed the chance bound about as often as it says") {
  constexpr std::size_t neurons = 20;
  constexpr std::size_t samples = 60;
  constexpr int trials = 600;
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  auto const bound = chance_bound(samples, neurons * (neurons - 1) / 2, 0.1);
  int exceeded = 0;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<std::vector<double>> data(neurons, std::vector<double>(samples));
    for (auto& row : data) {
      std::generate(row.begin(), row.end(), [&] { return normal(random); });
    }
    auto const matrix = groups_support::correlations(std::move(data));
    double largest = 0;
    for (std::int64_t i = 0; i < matrix.n; ++i) {
      for (std::int64_t j = 0; j < i; ++j) {
        largest = std::max(largest, std::abs(matrix.view().at(i, j)));
      }
    }
    exceeded += largest > bound ? 1 : 0;
  }
  CHECK(exceeded > 35); // 60 expected, with a standard deviation of 7
  CHECK(exceeded < 85);
}

TEST_CASE("groups are matched so that the sum of overlaps is largest") {
  std::mt19937_64 random(4);
  for (int trial = 0; trial < 300; ++trial) {
    // Neurons without a group in one list or both, and lists of different lengths.
    Groups first(1 + random() % 6);
    Groups second(1 + random() % 6);
    for (std::int64_t i = 0; i < 25; ++i) {
      if (auto const g = random() % (first.size() + 1); g < first.size()) {
        first[g].push_back(i);
      }
      if (auto const g = random() % (second.size() + 1); g < second.size()) {
        second[g].push_back(i);
      }
    }
    std::erase_if(first, [](auto const& group) { return group.empty(); });
    std::erase_if(second, [](auto const& group) { return group.empty(); });
    auto const matches = match_groups(first, second);
    double sum = 0;
    std::vector<bool> used(second.size());
    std::int64_t last = -1;
    for (auto const& match : matches) {
      REQUIRE(match.first > last);
      REQUIRE_FALSE(used[static_cast<std::size_t>(match.second)]);
      used[static_cast<std::size_t>(match.second)] = true;
      last = match.first;
      REQUIRE(match.jaccard == jaccard(first[static_cast<std::size_t>(match.first)],
                                       second[static_cast<std::size_t>(match.second)]));
      REQUIRE(match.jaccard > 0);
      sum += match.jaccard;
    }
    double best = 0;
    auto const size = std::max(first.size(), second.size());
    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), std::size_t{0});
    do {
      double total = 0;
      for (std::size_t g = 0; g < first.size(); ++g) {
        total += order[g] < second.size() ? jaccard(first[g], second[order[g]]) : 0;
      }
      best = std::max(best, total);
    } while (std::next_permutation(order.begin(), order.end()));
    REQUIRE(sum == Approx(best).epsilon(1e-12));
  }
  CHECK(match_groups({}, Groups{{1, 2}}).empty());
  CHECK(match_groups(Groups{{1, 2}, {3}}, Groups{{4}, {3}, {1, 5}}) ==
        std::vector<Match>{{0, 2, 1.0 / 3}, {1, 1, 1.0}});
}
