#include "fod/group_evidence.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace fod::groups {

namespace {

__extension__ using Wide = __int128; // products of numbers of pairs

Wide pairs_of(std::int64_t count) {
  return static_cast<Wide>(count) * (count - 1) / 2;
}

/// Pairs of things with equal keys.
template <class Key>
Wide pairs_within(std::map<Key, std::int64_t> const& counts) {
  Wide pairs = 0;
  for (auto const& [key, count] : counts) {
    pairs += pairs_of(count);
  }
  return pairs;
}

} // namespace

std::vector<std::int64_t> labels_of(Grouping const& grouping, std::int64_t n) {
  std::vector<std::int64_t> labels(static_cast<std::size_t>(n));
  std::int64_t next = 0;
  for (auto const& group : grouping.groups) {
    for (auto const member : group) {
      labels[static_cast<std::size_t>(member)] = next;
    }
    ++next;
  }
  for (auto const neuron : grouping.ungrouped) {
    labels[static_cast<std::size_t>(neuron)] = next++;
  }
  return labels;
}

double adjusted_rand_index(std::span<std::int64_t const> a, std::span<std::int64_t const> b) {
  if (a.size() != b.size()) {
    throw bad_input("two clusterings cannot be compared",
                    "one is of " + std::to_string(a.size()) + " things, the other of " +
                        std::to_string(b.size()),
                    "give clusterings of the same things");
  }
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> joint;
  std::map<std::int64_t, std::int64_t> rows;
  std::map<std::int64_t, std::int64_t> columns;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ++joint[{a[i], b[i]}];
    ++rows[a[i]];
    ++columns[b[i]];
  }
  // (both - expected) / (mean - expected) with expected = in_a in_b / all, times 2 all
  auto const both = pairs_within(joint);
  auto const in_a = pairs_within(rows);
  auto const in_b = pairs_within(columns);
  auto const all = pairs_of(std::ssize(a));
  auto const above = 2 * (both * all - in_a * in_b);
  auto const below = (in_a + in_b) * all - 2 * in_a * in_b;
  return below == 0 ? 1 : static_cast<double>(above) / static_cast<double>(below);
}

double jaccard(std::span<std::int64_t const> a, std::span<std::int64_t const> b) {
  std::size_t common = 0;
  for (auto first = a.begin(), second = b.begin(); first != a.end() && second != b.end();) {
    common += *first == *second ? 1 : 0;
    auto const step_first = *first <= *second;
    second += *second <= *first ? 1 : 0;
    first += step_first ? 1 : 0;
  }
  auto const either = a.size() + b.size() - common;
  return either == 0 ? 0 : static_cast<double>(common) / static_cast<double>(either);
}

std::vector<double> group_stability(Grouping const& whole, Grouping const& even,
                                    Grouping const& odd) {
  auto const largest = [](std::vector<std::int64_t> const& group, Grouping const& half) {
    double best = 0;
    for (auto const& other : half.groups) {
      best = std::max(best, jaccard(group, other));
    }
    return best;
  };
  std::vector<double> stability;
  for (auto const& group : whole.groups) {
    stability.push_back((largest(group, even) + largest(group, odd)) / 2);
  }
  return stability;
}

} // namespace fod::groups
