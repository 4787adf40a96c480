#include "grouping.hpp"

#include <algorithm>
#include <cmath>

namespace fod::groups {

Grouping correlation_clustering(MatrixView r, Options const& options, Engine& engine) {
  auto const n = r.n;
  std::vector<std::int64_t> counts(static_cast<std::size_t>(n));
  engine.count_neighbours(options.threshold, counts);
  std::vector<std::int64_t> left(static_cast<std::size_t>(n)); // ungrouped neurons, ascending
  for (std::int64_t i = 0; i < n; ++i) {
    left[static_cast<std::size_t>(i)] = i;
  }

  Grouping grouping;
  std::vector<bool> taken(static_cast<std::size_t>(n));
  auto const count_of = [&](std::int64_t i) { return counts[static_cast<std::size_t>(i)]; };
  while (!left.empty()) {
    auto const hub = *std::ranges::max_element(left, {}, count_of); // the first among equals
    if (count_of(hub) + 1 < std::max<std::int64_t>(options.least_size, 1)) {
      break;
    }
    std::vector<std::int64_t> group;
    for (auto const j : left) {
      if (j == hub || std::abs(r.at(hub, j)) >= options.threshold) {
        group.push_back(j);
        taken[static_cast<std::size_t>(j)] = true;
      }
    }
    std::erase_if(left, [&](std::int64_t j) { return taken[static_cast<std::size_t>(j)]; });
    engine.discount_neighbours(group, options.threshold, counts);
    grouping.groups.push_back(std::move(group));
    grouping.hubs.push_back(hub);
  }
  finish(grouping, n);
  return grouping;
}

} // namespace fod::groups
