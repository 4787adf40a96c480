#include "fod_groups.hpp"
#include "fod_table.hpp"

#include "fod/text.hpp"

#include <algorithm>
#include <cmath>

namespace fod::app {

namespace {

constexpr std::size_t listed_neurons = 8;

std::string group_count(std::size_t groups) {
  return counted(static_cast<std::int64_t>(groups), "group");
}

std::string overview(store::LayerGroups const& layer) {
  std::int64_t in_groups = neurons_of(layer);
  in_groups -= std::ssize(layer.ungrouped) + std::ssize(layer.dead);
  std::vector<Row> rows;
  rows.push_back({"method", layer.method + (std::isnan(layer.threshold)
                                                ? ""
                                                : ", |r| >= " + decimal(layer.threshold, 3))});
  rows.push_back({"chance bound", decimal(layer.chance_bound, 3) +
                                      " (the |r| that chance reaches with probability 0.01)"});
  rows.push_back({"stability", decimal(layer.stability, 3) +
                                   " (adjusted Rand index of even and odd blocks of samples)"});
  rows.push_back({"samples", grouped(layer.samples)});
  rows.push_back({"neurons", grouped(neurons_of(layer)) + ": " + grouped(in_groups) + " in " +
                                 group_count(layer.groups.size()) + ", " +
                                 grouped(std::ssize(layer.ungrouped)) + " in none, " +
                                 grouped(std::ssize(layer.dead)) + " dead"});
  return aligned(rows, "ll");
}

std::string more(std::size_t all, std::size_t listed) {
  return all > listed ? "  and " + group_count(all - listed) + " more (--top " +
                            std::to_string(all) + " lists all)\n"
                      : "";
}

std::string groups_table(store::LayerGroups const& layer, std::size_t top) {
  if (layer.groups.empty() || top == 0) {
    return "";
  }
  std::vector<Row> rows{{"id", "size", "cohesion", "signed", "stability", "variance", "r(entropy)",
                         "r(confidence)", "r(error)", "skill", "neurons"}};
  for (std::size_t g = 0; g < std::min(top, layer.groups.size()); ++g) {
    auto const& group = layer.groups[g];
    rows.push_back({std::to_string(layer.first_group_id + static_cast<std::int64_t>(g)),
                    grouped(std::ssize(group.neurons)), decimal(group.cohesion, 3),
                    decimal(group.cohesion_signed, 3), decimal(group.stability, 3),
                    decimal(group.variance_explained, 3), decimal(group.corr_entropy, 3),
                    decimal(group.corr_confidence, 3), decimal(group.corr_error, 3),
                    group.skill_category.empty() ? "-" : shortened(group.skill_category),
                    first_numbers(group.neurons, listed_neurons)});
  }
  return "\n" + with_heading(rows, "rrrrrrrrrll") + more(layer.groups.size(), top);
}

std::string skill_of(events::Figures const& figures, store::EventNames const& names) {
  auto const skill = figures.skill();
  return skill < 0 ? "-" : shortened(names.categories[static_cast<std::size_t>(skill)]);
}

/// A digit per span, 9 for the one with the most events.
std::string spread(std::vector<std::int64_t> const& spans) {
  auto const most = std::max<std::int64_t>(1, *std::max_element(spans.begin(), spans.end()));
  std::string digits;
  for (auto const events : spans) {
    digits += static_cast<char>('0' + (9 * events + most - 1) / most);
  }
  return digits;
}

std::string categories_table(events::LayerFigures const& layer, store::EventNames const& names) {
  if (names.categories.empty()) {
    return "";
  }
  std::vector<Row> rows{{"skill", "samples", "events", "share", "over the samples"}};
  for (std::size_t c = 0; c <= names.categories.size(); ++c) {
    bool const none = c == names.categories.size();
    if (none && layer.category_samples[c] == 0) {
      continue;
    }
    auto const spans =
        layer.category_by_span.begin() + static_cast<std::ptrdiff_t>(c) * events::span_count;
    rows.push_back({none ? "(none)" : shortened(names.categories[c]),
                    grouped(layer.category_samples[c]), grouped(layer.by_category[c]),
                    percent(layer.by_category[c], layer.events),
                    spread({spans, spans + events::span_count})});
  }
  return "\n" + with_heading(rows, "lrrrl");
}

std::string events_table(events::LayerFigures const& layer, store::EventNames const& names,
                         std::int64_t first_id, std::size_t top) {
  if (layer.groups.empty() || top == 0) {
    return "";
  }
  std::vector<Row> rows{{"id", "events", "strength", "loss if active", "else", "r(loss)", "skill",
                         "over the samples"}};
  for (std::size_t g = 0; g < std::min(top, layer.groups.size()); ++g) {
    auto const& group = layer.groups[g];
    rows.push_back({std::to_string(first_id + static_cast<std::int64_t>(g)), grouped(group.events),
                    decimal(group.mean_strength, 3), decimal(group.loss_active, 4),
                    decimal(group.loss_inactive, 4), decimal(group.corr_loss, 3),
                    skill_of(group, names), spread(group.by_span)});
  }
  return "\n" + with_heading(rows, "rrrrrrll") + more(layer.groups.size(), top);
}

std::string events_of(GroupsReport const& report, store::LayerGroups const& layer,
                      std::size_t top) {
  if (!report.events) {
    return "";
  }
  auto const& all = *report.events;
  auto const found = std::find(all.names.layers.begin(), all.names.layers.end(), layer.layer);
  if (found == all.names.layers.end()) {
    return "";
  }
  auto const& figures = all.layers[static_cast<std::size_t>(found - all.names.layers.begin())];
  return "\n  " + counted(figures.events, "event") +
         " (a group is active in a sample), mean strength " + decimal(figures.mean_strength, 3) +
         ", mean loss " + decimal(figures.mean_loss, 4) + ", correlation of strength and loss " +
         decimal(figures.corr_loss, 3) + "\n" + categories_table(figures, all.names) +
         events_table(figures, all.names, layer.first_group_id, top);
}

std::string title_of(store::LayerGroups const& layer) {
  auto const pooling = layer.pooling.empty() ? "" : ", " + layer.pooling + " over positions";
  return layer.layer + " (" + layer.type + pooling + ")";
}

std::string legend(GroupsReport const& report) {
  std::string text =
      "\ncohesion: mean |r| over pairs of neurons; signed: mean r. stability: overlap with a group "
      "of each half\nof the samples. variance: share of the first component. r: correlation of the "
      "group's activation.\n";
  if (report.events) {
    text += "over the samples: events in ten equal spans of samples " +
            grouped(report.events->samples.begin) + " to " +
            grouped(report.events->samples.end - 1) + ", 9 where there are most.\n";
  }
  return text;
}

} // namespace

std::string as_table(GroupsReport const& report, std::size_t top) {
  auto text = report.path + ": groups of " + counted(std::ssize(report.layers), "layer") + "\n";
  if (report.events) {
    text += grouped(report.events->total) + " learning events, of which the strongest " +
            grouped(report.events->kept) + " are kept in /events\n";
  }
  for (auto const& layer : report.layers) {
    text += titled(title_of(layer), overview(layer) + groups_table(layer, top)) +
            events_of(report, layer, top);
  }
  return text + legend(report);
}

} // namespace fod::app
