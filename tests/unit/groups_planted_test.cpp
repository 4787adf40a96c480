#include "groups_support.hpp"

#include "fod/group_evidence.hpp"

#include <catch2/catch.hpp>

#include <map>

using fod::groups::adjusted_rand_index;
using fod::groups::chance_bound;
using fod::groups::choose_threshold;
using fod::groups::facts_of;
using fod::groups::find_groups;
using fod::groups::group_stability;
using fod::groups::Grouping;
using fod::groups::Half;
using fod::groups::host_engine;
using fod::groups::labels_of;
using fod::groups::Method;
using fod::groups::Options;
using groups_support::Matrix;

namespace {

constexpr std::int64_t neurons = 512;
constexpr std::int64_t planted_groups = 10;

/// Ten groups of 5 to 60 neurons, each neuron a loading of 0.75 to 0.95 on the group's factor,
/// every second one with its sign flipped; the rest independent and positive.
struct Planted {
  std::vector<std::int64_t> labels; ///< -1: in no group
  Matrix whole{0};
  Matrix even{0};
  Matrix odd{0};
};
Planted plant(std::size_t samples, std::uint64_t seed) {
  Planted planted;
  for (std::int64_t group = 0; group < planted_groups; ++group) {
    auto const size = 5 + group * 55 / (planted_groups - 1);
    planted.labels.insert(planted.labels.end(), static_cast<std::size_t>(size), group);
  }
  planted.labels.resize(neurons, -1);
  std::mt19937_64 random(seed);
  std::shuffle(planted.labels.begin(), planted.labels.end(), random);

  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> factors(planted_groups, std::vector<double>(samples));
  for (auto& factor : factors) {
    std::generate(factor.begin(), factor.end(), [&] { return normal(random); });
  }
  std::uniform_real_distribution<double> loadings(0.75, 0.95);
  std::vector<std::vector<double>> data;
  for (std::size_t i = 0; i < planted.labels.size(); ++i) {
    auto const label = planted.labels[i];
    auto const loading = loadings(random);
    auto const sign = i % 2 == 0 ? 1 : -1;
    std::vector<double> row;
    for (std::size_t s = 0; s < samples; ++s) {
      auto const own = normal(random);
      row.push_back(label < 0 ? std::abs(own)
                              : sign * (loading * factors[static_cast<std::size_t>(label)][s] +
                                        std::sqrt(1 - loading * loading) * own));
    }
    data.push_back(std::move(row));
  }
  auto const part = [&](std::size_t begin, std::size_t end) {
    std::vector<std::vector<double>> rows;
    for (auto const& row : data) {
      rows.emplace_back(row.begin() + static_cast<std::ptrdiff_t>(begin),
                        row.begin() + static_cast<std::ptrdiff_t>(end));
    }
    return groups_support::correlations(std::move(rows));
  };
  planted.whole = part(0, samples);
  planted.even = part(0, samples / 2);
  planted.odd = part(samples / 2, samples);
  return planted;
}

Planted const& planted_data() {
  static Planted const planted = plant(5000, 20);
  return planted;
}

Grouping grouped(Matrix const& matrix, Options const& options) {
  auto const engine = host_engine(matrix.view(), 2);
  return find_groups(matrix.view(), options, *engine, 2);
}

/// Agreement with what was planted, over the planted neurons.
double agreement(Grouping const& grouping, Planted const& planted) {
  auto const labels = labels_of(grouping, neurons);
  std::vector<std::int64_t> found;
  std::vector<std::int64_t> expected;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (planted.labels[i] >= 0) {
      found.push_back(labels[i]);
      expected.push_back(planted.labels[i]);
    }
  }
  return adjusted_rand_index(found, expected);
}

std::int64_t independent_in_groups(Grouping const& grouping, Planted const& planted) {
  std::int64_t count = 0;
  for (auto const& group : grouping.groups) {
    for (auto const member : group) {
      count += planted.labels[static_cast<std::size_t>(member)] < 0 ? 1 : 0;
    }
  }
  return count;
}

} // namespace

TEST_CASE("planted groups are found by each method") {
  auto const& planted = planted_data();
  Options options;
  options.threshold = 0.4;
  for (auto const method : {Method::correlation_clustering, Method::hierarchical}) {
    options.method = method;
    auto const found = grouped(planted.whole, options);
    CHECK(agreement(found, planted) > 0.95);
    CHECK(independent_in_groups(found, planted) == 0);
    CHECK(found.groups.size() == planted_groups);
  }
  options.threshold = 0.6; // linkage cut at a distance of 0.4
  CHECK(agreement(grouped(planted.whole, options), planted) > 0.95);
  CHECK(independent_in_groups(grouped(planted.whole, options), planted) == 0);

  options.method = Method::kmeans;
  options.group_count = planted_groups;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    options.seed = seed;
    CHECK(agreement(grouped(planted.whole, options), planted) > 0.95);
  }
}

TEST_CASE("planted groups cohere, explain their variance and are stable") {
  auto const& planted = planted_data();
  Options options;
  options.threshold = 0.4;
  auto const whole = grouped(planted.whole, options);
  auto const stability =
      group_stability(whole, grouped(planted.even, options), grouped(planted.odd, options));
  REQUIRE(stability.size() == whole.groups.size());
  for (std::size_t g = 0; g < whole.groups.size(); ++g) {
    CHECK(stability[g] > 0.95);
    auto const facts = facts_of(planted.whole.view(), whole.groups[g], whole.hubs[g], 2);
    CHECK(facts.cohesion > 0.55); // loadings of 0.75 at the least
    CHECK(facts.cohesion < 0.92);
    CHECK(std::abs(facts.cohesion_signed) < facts.cohesion);
    CHECK(facts.variance_explained > facts.cohesion - 0.05);
    auto const hub = std::ranges::find(whole.groups[g], whole.hubs[g]) - whole.groups[g].begin();
    CHECK(facts.loadings[static_cast<std::size_t>(hub)] > 0);
    for (std::size_t m = 0; m < whole.groups[g].size(); ++m) { // flipped as they were planted
      auto const even = (whole.groups[g][m] - whole.hubs[g]) % 2 == 0;
      CHECK((facts.loadings[m] > 0) == even);
    }
  }
}

TEST_CASE("the threshold is chosen by what both halves agree on") {
  auto const& planted = planted_data();
  auto const even = host_engine(planted.even.view(), 2);
  auto const odd = host_engine(planted.odd.view(), 2);
  auto const bound = chance_bound(2500, neurons * (neurons - 1) / 2);
  for (auto const method : {Method::correlation_clustering, Method::hierarchical}) {
    Options options;
    options.method = method;
    auto const choice = choose_threshold({planted.even.view(), *even}, {planted.odd.view(), *odd},
                                         options, bound, 2);
    REQUIRE(choice.trials.size() == 14); // from 0.30 to 0.95
    double best = -2;
    double expected = 0;
    for (auto const& trial : choice.trials) { // what it says follows from the groups themselves
      options.threshold = trial.threshold;
      auto const in_even = grouped(planted.even, options);
      auto const in_odd = grouped(planted.odd, options);
      CHECK(trial.groups_even == std::ssize(in_even.groups));
      CHECK(trial.groups_odd == std::ssize(in_odd.groups));
      CHECK(trial.stability ==
            adjusted_rand_index(labels_of(in_even, neurons), labels_of(in_odd, neurons)));
      if (trial.groups_even + trial.groups_odd > 0 && trial.stability >= best) {
        best = trial.stability;
        expected = trial.threshold;
      }
    }
    CHECK(choice.threshold == expected);
    CHECK(best > 0.95);
    options.threshold = choice.threshold;
    CHECK(agreement(grouped(planted.whole, options), planted) > 0.95);

    auto const above = choose_threshold({planted.even.view(), *even}, {planted.odd.view(), *odd},
                                        options, 0.75, 2);
    CHECK(above.trials.front().threshold == 0.8);
    CHECK(above.threshold >= 0.8);
  }
}

TEST_CASE("no threshold gives groups, or none is above the bound") {
  Matrix const none(20);
  auto const engine = host_engine(none.view(), 1);
  Half const half{none.view(), *engine};
  Options options;
  auto const empty = choose_threshold(half, half, options, 0.2, 1);
  CHECK(empty.threshold == 0.95);
  REQUIRE(empty.trials.size() == 14);
  CHECK(empty.trials.front().stability ==
        1); // equal partitions into single neurons are no evidence
  CHECK(empty.trials.front().groups_even == 0);
  auto const beyond = choose_threshold(half, half, options, 0.97, 1);
  CHECK(beyond.threshold == 0.95);
  CHECK(beyond.trials.empty());

  // Groups at low thresholds only: the empty agreement at high ones does not win.
  Matrix low(20);
  low.set(0, 1, 0.5);
  low.set(1, 2, 0.5);
  low.set(3, 4, 0.38);
  low.set(4, 5, 0.38);
  auto const low_engine = host_engine(low.view(), 1);
  Half const some{low.view(), *low_engine};
  CHECK(choose_threshold(some, some, options, 0.1, 1).threshold == 0.5);

  options.method = Method::kmeans;
  options.threshold = 0.7;
  auto const kept = choose_threshold(some, some, options, 0.1, 1);
  CHECK(kept.threshold == 0.7);
  CHECK(kept.trials.empty());
}
