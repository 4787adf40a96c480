#include "fod/group_evidence.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>

namespace fod::groups {

namespace {

using Table = std::vector<std::vector<double>>;

/// Column of each row in the assignment with the largest sum; there are at least as many columns as
/// rows. Shortest augmenting paths with potentials (Jonker & Volgenant, "A shortest augmenting path
/// algorithm for dense and sparse linear assignment problems", 1987), O(rows^2 columns).
std::vector<std::size_t> assign(Table const& gain) {
  auto const rows = gain.size();
  auto const columns = gain.front().size();
  constexpr auto none = std::numeric_limits<std::size_t>::max();
  std::vector<double> row_price(rows);
  std::vector<double> column_price(columns + 1);
  std::vector<std::size_t> row_of(columns + 1, none); // the last column is where a path starts
  for (std::size_t start = 0; start < rows; ++start) {
    std::vector<double> distance(columns, std::numeric_limits<double>::infinity());
    std::vector<std::size_t> before(columns, columns);
    std::vector<bool> done(columns + 1);
    auto at = columns;
    row_of[at] = start;
    while (row_of[at] != none) {
      done[at] = true;
      auto const row = row_of[at];
      auto step = std::numeric_limits<double>::infinity();
      auto next = columns;
      for (std::size_t c = 0; c < columns; ++c) {
        if (done[c]) {
          continue;
        }
        auto const length = -gain[row][c] - row_price[row] - column_price[c];
        if (length < distance[c]) {
          distance[c] = length;
          before[c] = at;
        }
        if (distance[c] < step) {
          step = distance[c];
          next = c;
        }
      }
      for (std::size_t c = 0; c <= columns; ++c) {
        if (done[c]) {
          row_price[row_of[c]] += step;
          column_price[c] -= step;
        } else if (c < columns) {
          distance[c] -= step;
        }
      }
      at = next;
    }
    while (at != columns) {
      row_of[at] = row_of[before[at]];
      at = before[at];
    }
  }
  std::vector<std::size_t> column_of(rows);
  for (std::size_t c = 0; c < columns; ++c) {
    if (row_of[c] != none) {
      column_of[row_of[c]] = c;
    }
  }
  return column_of;
}

/// Groups of both lists that are linked by overlaps; elsewhere there is nothing to gain.
struct Component {
  std::vector<std::size_t> first;
  std::vector<std::size_t> second;
};

using Groups = std::span<std::vector<std::int64_t> const>;

/// By group of `from`: the groups of `to` that it has members in common with.
std::vector<std::vector<std::size_t>> overlaps(Groups from, Groups to) {
  std::unordered_map<std::int64_t, std::vector<std::size_t>> groups_of;
  for (std::size_t g = 0; g < to.size(); ++g) {
    for (auto const member : to[g]) {
      groups_of[member].push_back(g);
    }
  }
  std::vector<std::vector<std::size_t>> all(from.size());
  for (std::size_t g = 0; g < from.size(); ++g) {
    for (auto const member : from[g]) {
      if (auto const found = groups_of.find(member); found != groups_of.end()) {
        all[g].insert(all[g].end(), found->second.begin(), found->second.end());
      }
    }
    std::ranges::sort(all[g]);
    all[g].erase(std::unique(all[g].begin(), all[g].end()), all[g].end());
  }
  return all;
}

std::vector<Component> components(Groups first, Groups second) {
  auto const over_second = overlaps(first, second);
  auto const over_first = overlaps(second, first);
  std::vector<bool> seen_first(first.size());
  std::vector<bool> seen_second(second.size());
  std::vector<Component> all;
  for (std::size_t start = 0; start < first.size(); ++start) {
    if (seen_first[start] || over_second[start].empty()) {
      continue;
    }
    Component component;
    seen_first[start] = true;
    component.first.push_back(start);
    for (std::size_t f = 0, s = 0; f < component.first.size() || s < component.second.size();) {
      if (f < component.first.size()) {
        for (auto const other : over_second[component.first[f++]]) {
          if (!seen_second[other]) {
            seen_second[other] = true;
            component.second.push_back(other);
          }
        }
      } else {
        for (auto const other : over_first[component.second[s++]]) {
          if (!seen_first[other]) {
            seen_first[other] = true;
            component.first.push_back(other);
          }
        }
      }
    }
    std::ranges::sort(component.first);
    std::ranges::sort(component.second);
    all.push_back(std::move(component));
  }
  return all;
}

} // namespace

std::vector<Match> match_groups(std::span<std::vector<std::int64_t> const> first,
                                std::span<std::vector<std::int64_t> const> second) {
  std::vector<Match> matches;
  for (auto const& component : components(first, second)) {
    bool const turned = component.first.size() > component.second.size();
    auto const& rows = turned ? component.second : component.first;
    auto const& columns = turned ? component.first : component.second;
    Table gain(rows.size(), std::vector<double>(columns.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t j = 0; j < columns.size(); ++j) {
        gain[i][j] = turned ? jaccard(first[columns[j]], second[rows[i]])
                            : jaccard(first[rows[i]], second[columns[j]]);
      }
    }
    auto const column_of = assign(gain);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto const j = column_of[i];
      if (gain[i][j] > 0) {
        auto const a = static_cast<std::int64_t>(turned ? columns[j] : rows[i]);
        auto const b = static_cast<std::int64_t>(turned ? rows[i] : columns[j]);
        matches.push_back({a, b, gain[i][j]});
      }
    }
  }
  std::ranges::sort(matches, {}, &Match::first);
  return matches;
}

} // namespace fod::groups
