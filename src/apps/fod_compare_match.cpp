#include "fod_compare.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace fod::app {

namespace {

using Lists = std::vector<std::vector<std::int64_t>>;

Lists lists_of(store::LayerGroups const& layer) {
  Lists lists;
  for (auto const& group : layer.groups) {
    lists.push_back(group.neurons);
  }
  return lists;
}

/// The clusters of a layer's neurons; empty where groups overlap.
std::vector<std::int64_t> clusters_of(Lists const& lists, std::int64_t neurons) {
  std::vector<bool> taken(static_cast<std::size_t>(neurons));
  groups::Grouping grouping;
  for (auto const& list : lists) {
    for (auto const neuron : list) {
      auto const at = static_cast<std::size_t>(neuron);
      if (taken[at]) {
        return {};
      }
      taken[at] = true;
    }
  }
  grouping.groups = lists;
  for (std::int64_t neuron = 0; neuron < neurons; ++neuron) {
    if (!taken[static_cast<std::size_t>(neuron)]) {
      grouping.ungrouped.push_back(neuron);
    }
  }
  return groups::labels_of(grouping, neurons);
}

/// The positions below `count` that are not among `matched`.
std::vector<std::int64_t> others(std::size_t count, std::vector<std::int64_t> matched) {
  std::sort(matched.begin(), matched.end());
  std::vector<std::int64_t> left;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(count); ++i) {
    if (!std::binary_search(matched.begin(), matched.end(), i)) {
      left.push_back(i);
    }
  }
  return left;
}

Comparison compare(std::vector<store::LayerGroups> const& files, std::size_t from, std::size_t to) {
  auto const first = lists_of(files[from]);
  auto const second = lists_of(files[to]);
  auto const a = clusters_of(first, neurons_of(files[from]));
  auto const b = clusters_of(second, neurons_of(files[to]));
  bool const known = !a.empty() && !b.empty();
  Comparison all{from,
                 to,
                 known ? groups::adjusted_rand_index(a, b)
                       : std::numeric_limits<double>::quiet_NaN(),
                 groups::match_groups(first, second),
                 {},
                 {}};
  std::vector<std::int64_t> matched_first;
  std::vector<std::int64_t> matched_second;
  for (auto const& match : all.matches) {
    matched_first.push_back(match.first);
    matched_second.push_back(match.second);
  }
  all.gone = others(first.size(), std::move(matched_first));
  all.added = others(second.size(), std::move(matched_second));
  return all;
}

Phase phase_of(Lineage const& lineage, std::size_t files) {
  bool const in_first = lineage.first == 0;
  bool const in_last = lineage.first + lineage.groups.size() == files;
  if (in_first) {
    return in_last ? Phase::stable : Phase::vanishing;
  }
  return in_last ? Phase::emerging : Phase::transient;
}

/// @param steps comparisons of consecutive files
std::vector<Lineage> lineages_of(std::vector<store::LayerGroups> const& files,
                                 std::vector<Comparison> const& steps) {
  std::vector<Lineage> lineages;
  std::map<std::int64_t, std::size_t> open; // lineage by its group in the last file looked at
  for (std::size_t f = 0; f < files.size(); ++f) {
    std::map<std::int64_t, std::size_t> going_on;
    if (f > 0) {
      for (auto const& match : steps[f - 1].matches) {
        if (match.jaccard >= weak_below) {
          going_on[match.second] = open.at(match.first);
        }
      }
    }
    for (std::int64_t g = 0; g < std::ssize(files[f].groups); ++g) {
      auto const [entry, is_new] = going_on.try_emplace(g, lineages.size());
      if (is_new) {
        lineages.push_back({Phase::stable, f, {}});
      }
      lineages[entry->second].groups.push_back(g);
    }
    open = std::move(going_on);
  }
  for (auto& lineage : lineages) {
    lineage.phase = phase_of(lineage, files.size());
  }
  return lineages;
}

} // namespace

std::int64_t Comparison::strong() const {
  return std::count_if(matches.begin(), matches.end(),
                       [](groups::Match const& match) { return match.jaccard >= weak_below; });
}

std::string_view name_of(Phase phase) {
  switch (phase) {
  case Phase::stable:
    return "stable";
  case Phase::emerging:
    return "emerging";
  case Phase::vanishing:
    return "vanishing";
  case Phase::transient:
    return "transient";
  }
  return "";
}

LayerComparison compare(std::vector<store::LayerGroups> files) {
  LayerComparison all;
  all.name = files[0].layer;
  all.neurons = neurons_of(files[0]);
  for (std::size_t f = 1; f < files.size(); ++f) {
    all.comparisons.push_back(compare(files, f - 1, f));
  }
  all.lineages = lineages_of(files, all.comparisons);
  for (std::size_t f = 2; f < files.size(); ++f) {
    all.comparisons.push_back(compare(files, 0, f));
  }
  all.files = std::move(files);
  return all;
}

} // namespace fod::app
