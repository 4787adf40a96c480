#include "fod_groups.hpp"

#include "fod.hpp"

#include "fod/rules_file.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace fod::app {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string path;
  std::vector<std::string> layers;
  std::size_t top = 20;
  bool json = false;
  bool print_rules = false;
};

Json group_json(store::NeuronGroup const& group, std::int64_t id) {
  return {{"group_id", id},
          {"neuron_indices", group.neurons},
          {"size", group.neurons.size()},
          {"cohesion", group.cohesion},
          {"cohesion_signed", group.cohesion_signed},
          {"stability", group.stability},
          {"mean_activation", group.mean_activation},
          {"variance_explained", group.variance_explained},
          {"corr_entropy", group.corr_entropy},
          {"corr_confidence", group.corr_confidence},
          {"corr_error", group.corr_error},
          {"skill_category", group.skill_category},
          {"loadings", group.loadings},
          {"class_mean", group.class_mean}};
}

Json layer_json(store::LayerGroups const& layer) {
  auto groups = Json::array();
  for (auto const& group : layer.groups) {
    groups.push_back(group_json(group, layer.first_group_id + std::ssize(groups)));
  }
  return {{"method", layer.method},       {"groups", groups},
          {"ungrouped", layer.ungrouped}, {"dead", layer.dead},
          {"type", layer.type},           {"pooling", layer.pooling},
          {"threshold", layer.threshold}, {"chance_bound", layer.chance_bound},
          {"stability", layer.stability}, {"samples", layer.samples},
          {"neurons", neurons_of(layer)}, {"class_by", layer.class_by}};
}

/// Figures that groups and layers both have.
Json figures_json(events::Figures const& figures, store::EventNames const& names) {
  auto const skill = figures.skill();
  return {{"events", figures.events},
          {"skill_category", skill < 0 ? "" : names.categories[static_cast<std::size_t>(skill)]},
          {"by_category", figures.by_category},
          {"by_span", figures.by_span},
          {"mean_strength", figures.mean_strength},
          {"corr_loss", figures.corr_loss}};
}

Json events_json(store::EventsSummary const& all, std::vector<store::LayerGroups> const& chosen) {
  auto layers = Json::object();
  for (std::size_t l = 0; l < all.layers.size(); ++l) {
    auto const& layer = all.layers[l];
    bool const wanted = std::any_of(chosen.begin(), chosen.end(), [&](auto const& groups) {
      return groups.layer == all.names.layers[l];
    });
    if (!wanted) {
      continue;
    }
    auto& out = layers[all.names.layers[l]] = figures_json(layer, all.names);
    out["samples"] = layer.samples;
    out["mean_loss"] = layer.mean_loss;
    out["category_samples"] = layer.category_samples;
    out["category_by_span"] = layer.category_by_span;
    auto groups = Json::array();
    for (auto const& group : layer.groups) {
      Json entry{{"group_id", all.names.first_group_ids[l] + std::ssize(groups)}};
      entry.update(figures_json(group, all.names));
      entry["loss_active"] = group.loss_active;
      entry["loss_inactive"] = group.loss_inactive;
      groups.push_back(std::move(entry));
    }
    out["groups"] = std::move(groups);
  }
  return {{"total", all.total},
          {"kept", all.kept},
          {"sample_begin", all.samples.begin},
          {"sample_end", all.samples.end},
          {"categories", all.names.categories},
          {"layers", layers}};
}

ExitCode tell(Options const& options) {
  if (options.print_rules) {
    print(json::rules_text(events::SkillRules::built_in()));
    return ExitCode::done;
  }
  if (options.path.empty()) {
    throw bad_input("bad usage", "file is required", "`fod groups --help` explains it");
  }
  auto const reader = open_result(options.path);
  GroupsReport const report{options.path, chosen(read_groups(reader), options.layers, options.path),
                            store::read_events_summary(reader.file())};
  print(options.json ? as_json(report) : as_table(report, options.top));
  return ExitCode::done;
}

} // namespace

std::string as_json(GroupsReport const& report) {
  Json document{{"layers", Json::object()}};
  for (auto const& layer : report.layers) {
    document["layers"][layer.layer] = layer_json(layer);
  }
  if (report.events) {
    document["events"] = events_json(*report.events, report.layers);
  }
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Command add_groups(CLI::App& program) {
  auto const options = std::make_shared<Options>();
  auto* const flags = program.add_subcommand(
      "groups", "Show the groups of neurons in a result file, and their learning events");
  flags->add_option("file", options->path, "Result file R.h5");
  flags->add_option("--layer", options->layers, "Only these layers (names, or globs: 'conv*')")
      ->delimiter(',')
      ->allow_extra_args(false);
  flags->add_option("--top", options->top, "Groups to list per layer")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1000000}))
      ->capture_default_str();
  flags->add_flag("--json", options->json,
                  "Print one JSON object with all groups; what is not known is null");
  flags->add_flag("--print-rules", options->print_rules,
                  "Print the keywords that make categories of --texts, to change them and give "
                  "them to fod-generate with --rules");
  return {flags, "fod groups R.h5 --layer 'conv*'", [options] { return tell(*options); }};
}

} // namespace fod::app
