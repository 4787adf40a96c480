#include "fod_compare.hpp"
#include "fod_table.hpp"

#include "fod/text.hpp"

#include <algorithm>
#include <array>

namespace fod::app {

namespace {

/// Files are numbered from 1 for people.
std::string number_of(std::size_t file) {
  return std::to_string(file + 1);
}

std::string id_of(store::LayerGroups const& layer, std::int64_t group) {
  return std::to_string(layer.first_group_id + group);
}

std::string ids_of(store::LayerGroups const& layer, std::vector<std::int64_t> positions) {
  for (auto& position : positions) {
    position += layer.first_group_id;
  }
  return positions.empty() ? "-" : first_numbers(positions, 12);
}

std::string more(std::size_t all, std::size_t listed) {
  return all > listed ? "  and " + grouped(static_cast<std::int64_t>(all - listed)) +
                            " more (--top " + std::to_string(all) + " lists all)\n"
                      : "";
}

std::string overview(LayerComparison const& layer) {
  std::vector<Row> rows{
      {"files", "groups", "ARI", "matched", "weak", "mean Jaccard", "gone", "new"}};
  for (auto const& step : layer.comparisons) {
    double sum = 0;
    for (auto const& match : step.matches) {
      sum += match.jaccard;
    }
    auto const count = std::ssize(step.matches);
    rows.push_back({number_of(step.from) + " -> " + number_of(step.to),
                    std::to_string(layer.files[step.from].groups.size()) + " -> " +
                        std::to_string(layer.files[step.to].groups.size()),
                    decimal(step.ari, 3), grouped(count), grouped(count - step.strong()),
                    count == 0 ? "-" : decimal(sum / static_cast<double>(count), 3),
                    ids_of(layer.files[step.from], step.gone),
                    ids_of(layer.files[step.to], step.added)});
  }
  return with_heading(rows, "llrrrrll");
}

std::string changed(std::string const& from, std::string const& to) {
  return from + " -> " + to;
}

std::string matches_table(LayerComparison const& layer, Comparison const& step, std::size_t top) {
  if (step.matches.empty() || top == 0) {
    return "";
  }
  auto const& from = layer.files[step.from];
  auto const& to = layer.files[step.to];
  std::vector<Row> rows{{"ids", "Jaccard", "", "size", "cohesion"}};
  for (std::size_t m = 0; m < std::min(top, step.matches.size()); ++m) {
    auto const& match = step.matches[m];
    auto const& a = from.groups[static_cast<std::size_t>(match.first)];
    auto const& b = to.groups[static_cast<std::size_t>(match.second)];
    rows.push_back({changed(id_of(from, match.first), id_of(to, match.second)),
                    decimal(match.jaccard, 3), match.jaccard < weak_below ? "weak" : "",
                    changed(grouped(std::ssize(a.neurons)), grouped(std::ssize(b.neurons))),
                    changed(decimal(a.cohesion, 3), decimal(b.cohesion, 3))});
  }
  return "\n  files " + changed(number_of(step.from), number_of(step.to)) + "\n" +
         with_heading(rows, "lrlll") + more(step.matches.size(), top);
}

std::string lineages_table(LayerComparison const& layer, std::size_t top) {
  std::array<std::int64_t, 4> counts{};
  for (auto const& lineage : layer.lineages) {
    ++counts.at(static_cast<std::size_t>(lineage.phase));
  }
  std::string text = "\n  learning phases:";
  for (auto const phase : {Phase::stable, Phase::emerging, Phase::vanishing, Phase::transient}) {
    text += (phase == Phase::stable ? " " : ", ") +
            grouped(counts.at(static_cast<std::size_t>(phase))) + " " + std::string(name_of(phase));
  }
  text += "\n";
  if (layer.lineages.empty() || top == 0) {
    return text;
  }
  std::vector<Row> rows{{"phase", "files", "ids", "size"}};
  for (std::size_t l = 0; l < std::min(top, layer.lineages.size()); ++l) {
    auto const& lineage = layer.lineages[l];
    std::string ids;
    std::string sizes;
    for (std::size_t i = 0; i < lineage.groups.size(); ++i) {
      auto const& file = layer.files[lineage.first + i];
      auto const& group = file.groups[static_cast<std::size_t>(lineage.groups[i])];
      char const* const arrow = i == 0 ? "" : " -> ";
      ids += arrow + id_of(file, lineage.groups[i]);
      sizes += arrow + grouped(std::ssize(group.neurons));
    }
    auto const last = lineage.first + lineage.groups.size() - 1;
    rows.push_back({std::string(name_of(lineage.phase)),
                    last == lineage.first ? number_of(last)
                                          : number_of(lineage.first) + " to " + number_of(last),
                    shortened(ids), shortened(sizes)});
  }
  return text + with_heading(rows, "llll") + more(layer.lineages.size(), top);
}

} // namespace

std::string as_table(CompareReport const& report, std::size_t top) {
  std::string text = counted(std::ssize(report.paths), "file") + "\n";
  for (std::size_t f = 0; f < report.paths.size(); ++f) {
    text += "  " + number_of(f) + "  " + report.paths[f] + "\n";
  }
  for (auto const& layer : report.layers) {
    text += titled(layer.name + ": " + counted(layer.neurons, "neuron"), overview(layer));
    for (auto const& step : layer.comparisons) {
      text += matches_table(layer, step, top);
    }
    text += lineages_table(layer, top);
  }
  return text +
         "\nARI: adjusted Rand index, neurons in no group being clusters of their own. matched: "
         "one "
         "to one,\nby the largest sum of Jaccard overlaps; weak: below 0.5, which does not carry a "
         "lineage on. Phases:\nstable in all files; emerging not in the first, but in the last; "
         "vanishing in the first, but not in\nthe last; transient in neither.\n";
}

} // namespace fod::app
