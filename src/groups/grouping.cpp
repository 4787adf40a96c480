#include "grouping.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace fod::groups {

std::string_view name_of(Method method) {
  switch (method) {
  case Method::correlation_clustering:
    return "correlation_clustering";
  case Method::kmeans:
    return "kmeans";
  case Method::hierarchical:
    return "hierarchical";
  }
  return "unknown";
}

void finish(Grouping& grouping, std::int64_t n) {
  std::vector<std::size_t> order(grouping.groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    auto const& first = grouping.groups[a];
    auto const& second = grouping.groups[b];
    return first.size() != second.size() ? first.size() > second.size()
                                         : first.front() < second.front();
  });
  Grouping sorted;
  std::vector<bool> grouped(static_cast<std::size_t>(n));
  for (auto const at : order) {
    for (auto const member : grouping.groups[at]) {
      grouped[static_cast<std::size_t>(member)] = true;
    }
    sorted.groups.push_back(std::move(grouping.groups[at]));
    sorted.hubs.push_back(grouping.hubs[at]);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    if (!grouped[static_cast<std::size_t>(i)]) {
      sorted.ungrouped.push_back(i);
    }
  }
  grouping = std::move(sorted);
}

Grouping grouping_of(std::span<std::int32_t const> labels, std::int64_t least_size) {
  std::map<std::int32_t, std::vector<std::int64_t>> members;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    members[labels[i]].push_back(static_cast<std::int64_t>(i));
  }
  Grouping grouping;
  for (auto& [label, group] : members) {
    if (std::ssize(group) >= least_size) {
      grouping.groups.push_back(std::move(group));
      grouping.hubs.push_back(-1);
    }
  }
  finish(grouping, std::ssize(labels));
  return grouping;
}

std::vector<std::vector<std::int64_t>> legacy_groups(MatrixView cosine, double threshold,
                                                     std::int64_t least_size) {
  std::vector<std::vector<std::int64_t>> groups;
  std::vector<bool> grouped(static_cast<std::size_t>(cosine.n));
  for (std::int64_t seed = 0; seed < cosine.n; ++seed) {
    if (grouped[static_cast<std::size_t>(seed)]) {
      continue;
    }
    std::vector<std::int64_t> group;
    for (std::int64_t j = 0; j < cosine.n; ++j) {
      if (j == seed || cosine.at(seed, j) >= threshold) {
        group.push_back(j);
      }
    }
    if (std::ssize(group) >= least_size) {
      for (auto const member : group) {
        grouped[static_cast<std::size_t>(member)] = true;
      }
      groups.push_back(std::move(group));
    }
  }
  return groups;
}

} // namespace fod::groups
