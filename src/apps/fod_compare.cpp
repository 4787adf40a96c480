#include "fod_compare.hpp"

#include "fod.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace fod::app {

namespace {

using Json = nlohmann::ordered_json;
using Layers = std::vector<store::LayerGroups>;

struct Options {
  std::vector<std::string> paths;
  std::vector<std::string> layers;
  std::size_t top = 20;
  bool json = false;
};

Json ids_of(store::LayerGroups const& layer, std::vector<std::int64_t> const& positions) {
  auto ids = Json::array();
  for (auto const position : positions) {
    ids.push_back(layer.first_group_id + position);
  }
  return ids;
}

Json comparison_json(LayerComparison const& layer, Comparison const& step) {
  auto const& from = layer.files[step.from];
  auto const& to = layer.files[step.to];
  auto matches = Json::array();
  for (auto const& match : step.matches) {
    auto const& a = from.groups[static_cast<std::size_t>(match.first)];
    auto const& b = to.groups[static_cast<std::size_t>(match.second)];
    matches.push_back(
        {{"group_ids", {from.first_group_id + match.first, to.first_group_id + match.second}},
         {"jaccard", match.jaccard},
         {"weak", match.jaccard < weak_below},
         {"size", {a.neurons.size(), b.neurons.size()}},
         {"cohesion", {a.cohesion, b.cohesion}}});
  }
  return {{"from", step.from},
          {"to", step.to},
          {"ari", step.ari},
          {"matches", matches},
          {"gone", ids_of(from, step.gone)},
          {"new", ids_of(to, step.added)}};
}

Json lineage_json(LayerComparison const& layer, Lineage const& lineage) {
  auto ids = Json::array();
  auto sizes = Json::array();
  auto cohesions = Json::array();
  for (std::size_t i = 0; i < lineage.groups.size(); ++i) {
    auto const& file = layer.files[lineage.first + i];
    auto const& group = file.groups[static_cast<std::size_t>(lineage.groups[i])];
    ids.push_back(file.first_group_id + lineage.groups[i]);
    sizes.push_back(group.neurons.size());
    cohesions.push_back(group.cohesion);
  }
  return {{"learning_phase", name_of(lineage.phase)},
          {"first", lineage.first},
          {"last", lineage.first + lineage.groups.size() - 1},
          {"group_ids", ids},
          {"size", sizes},
          {"cohesion", cohesions}};
}

Json layer_json(LayerComparison const& layer) {
  auto comparisons = Json::array();
  for (auto const& step : layer.comparisons) {
    comparisons.push_back(comparison_json(layer, step));
  }
  auto lineages = Json::array();
  for (auto const& lineage : layer.lineages) {
    lineages.push_back(lineage_json(layer, lineage));
  }
  return {{"neurons", layer.neurons}, {"comparisons", comparisons}, {"lineages", lineages}};
}

store::LayerGroups layer_of(Layers const& layers, std::string const& name, std::string const& path,
                            std::string const& other_path) {
  auto const found = std::find_if(layers.begin(), layers.end(),
                                  [&](store::LayerGroups const& l) { return l.layer == name; });
  if (found == layers.end()) {
    throw bad_input(path + " has no groups of layer " + name, other_path + " has",
                    "compare layers that all files have, with --layer");
  }
  return *found;
}

/// The same layer of all files.
Layers same_layer(std::vector<Layers> const& files, std::vector<std::string> const& paths,
                  std::string const& name, std::string const& named_by) {
  Layers all;
  for (std::size_t f = 0; f < files.size(); ++f) {
    all.push_back(layer_of(files[f], name, paths[f], named_by));
    if (neurons_of(all[f]) != neurons_of(all[0])) {
      throw bad_input(name + " has " + counted(neurons_of(all[f]), "neuron") + " in " + paths[f],
                      "and " + counted(neurons_of(all[0]), "neuron") + " in " + paths[0],
                      "compare files of the same model, pooled in the same way");
    }
  }
  return all;
}

CompareReport report_of(Options const& options) {
  if (options.paths.size() < 2) {
    throw bad_input("one file alone cannot be compared",
                    options.paths.empty() ? "no file was given" : options.paths[0],
                    "give two or more, in the order of their training");
  }
  std::vector<Layers> files;
  for (auto const& path : options.paths) {
    files.push_back(read_groups(open_result(path)));
  }
  CompareReport report{options.paths, {}};
  std::vector<std::string> seen;
  for (std::size_t f = 0; f < files.size(); ++f) {
    // Without patterns, what any of the files has must be in all of them.
    bool const looked_at = f == 0 || options.layers.empty();
    auto const layers = looked_at ? chosen(files[f], options.layers, options.paths[f]) : Layers{};
    for (auto const& layer : layers) {
      if (std::find(seen.begin(), seen.end(), layer.layer) == seen.end()) {
        seen.push_back(layer.layer);
        report.layers.push_back(
            compare(same_layer(files, options.paths, layer.layer, options.paths[f])));
      }
    }
  }
  return report;
}

ExitCode tell(Options const& options) {
  auto const report = report_of(options);
  print(options.json ? as_json(report) : as_table(report, options.top));
  return ExitCode::done;
}

} // namespace

std::string as_json(CompareReport const& report) {
  Json document{{"files", report.paths}, {"layers", Json::object()}};
  for (auto const& layer : report.layers) {
    document["layers"][layer.name] = layer_json(layer);
  }
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Command add_compare(CLI::App& program) {
  auto const options = std::make_shared<Options>();
  auto* const flags = program.add_subcommand(
      "compare",
      "Match the groups of neurons of several result files, epochs of a training say: each file "
      "with the next and with the first, one to one by Jaccard overlap. A group keeps its lineage "
      "from file to file while the overlap is 0.5 at least. Its learning phase: stable (in all "
      "files), emerging (not in the first, but in the last), vanishing (in the first, but not in "
      "the last), transient (in neither)");
  flags->add_option("files", options->paths, "Result files, in the order of their training");
  flags->add_option("--layer", options->layers, "Only these layers (names, or globs: 'conv*')")
      ->delimiter(',')
      ->allow_extra_args(false);
  flags->add_option("--top", options->top, "Matches and lineages to list per table")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1000000}))
      ->capture_default_str();
  flags->add_flag("--json", options->json,
                  "Print one JSON object; files are numbered from 0 there, what is not known is "
                  "null");
  return {flags, "fod compare epoch1.h5 epoch2.h5 epoch3.h5", [options] { return tell(*options); }};
}

} // namespace fod::app
