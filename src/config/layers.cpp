#include "flags.hpp"

#include "fod/error.hpp"

#include <CLI/CLI.hpp>

#include <array>

namespace fod {

namespace {

Pooling pooling_named(std::string const& name, std::string const& text) {
  for (auto const pooling : {Pooling::mean, Pooling::max, Pooling::none}) {
    if (name == name_of(pooling)) {
      return pooling;
    }
  }
  throw bad_input("cannot read --pool " + text, "'" + name + "' is not mean, max or none",
                  "write --pool max, or for one kind of layer --pool conv=max or sequence=none");
}

void settle_threshold(std::string const& text, LayerRequest& request) {
  request.auto_threshold = text == "auto";
  auto& value = request.options.threshold;
  if (!request.auto_threshold && (!parse_number(text, value) || !(value > 0) || value > 1)) {
    throw bad_input("cannot read --correlation-threshold " + text,
                    "it is a number above 0 and at most 1, or auto",
                    "write --correlation-threshold 0.6");
  }
}

void settle_count(std::string const& text, groups::Options& options) {
  if (text.empty()) {
    return;
  }
  auto const method = std::string(name_of(options.method));
  if (options.method == groups::Method::correlation_clustering) {
    throw bad_input("--n-groups does not go with --group-method " + method,
                    "its number of groups follows from the threshold",
                    "leave it out, or use kmeans or hierarchical");
  }
  bool const found = text == "auto";
  if (found && options.method == groups::Method::hierarchical) {
    throw bad_input("--n-groups auto does not go with --group-method " + method,
                    "without --n-groups it is cut where |r| falls below the threshold",
                    "leave it out, or give a number");
  }
  constexpr std::int64_t most = 16384;
  auto& count = options.group_count;
  if (!found && (!parse_number(text, count) || count < 1 || count > most)) {
    throw bad_input("cannot read --n-groups " + text,
                    "it is a number from 1 to " + std::to_string(most) + ", or auto",
                    "write --n-groups 10");
  }
}

/// A flag of one method is never ignored with another.
void require_method(CLI::App const& app, LayerRequest const& request) {
  auto const require = [&](char const* flag, groups::Method method) {
    if (app.count(flag) > 0 && request.options.method != method) {
      auto const needed = "--group-method " + std::string(name_of(method));
      throw bad_input(std::string(flag) + " needs " + needed, "other methods have no such choice",
                      "leave it out, or add " + needed);
    }
  };
  require("--signed", groups::Method::kmeans);
  require("--linkage", groups::Method::hierarchical);
  if (request.legacy && (app.count("--group-method") > 0 || request.auto_threshold)) {
    throw bad_input(
        std::string(request.auto_threshold ? "--correlation-threshold auto" : "--group-method") +
            " does not go with --legacy",
        "the older tool has one method and a given threshold", "leave one of them out");
  }
}

void check_transform(std::string const& spec) {
  if (!spec.empty() && spec != "l2" && !spec.starts_with("plugin:") &&
      !spec.starts_with("python:")) {
    throw bad_input("cannot read --tap-transform " + spec,
                    "it is l2, plugin:libx.so or python:module:callable",
                    "write --tap-transform l2");
  }
}

/// Flags that mean nothing without layers.
constexpr std::array<char const*, 17> only_with_layers{
    "--tap-transform",  "--pool",       "--group-method",     "--correlation-threshold",
    "--n-groups",       "--signed",     "--min-group-size",   "--linkage",
    "--legacy",         "--texts",      "--keep-activations", "--keep-correlation",
    "--group-patterns", "--categories", "--keep-moments",     "--loss",
    "--rules"};

void require_layers(CLI::App const& app, Config const& config) {
  if (!config.groups.layers.empty() || config.groups.list) {
    return;
  }
  for (auto const* flag : only_with_layers) {
    if (app.count(flag) > 0) {
      throw bad_input(std::string(flag) + " needs --layers", "it says what to do with layers",
                      "name some with --layers; --list-layers shows what there is");
    }
  }
  if (!config.distributions) {
    throw bad_input("--no-distributions leaves nothing to do", "there are no --layers either",
                    "name some with --layers; --list-layers shows what there is");
  }
}

void require_one_pass(Config const& config) {
  if (config.groups.layers.empty() && !config.groups.list) {
    return;
  }
  if (config.models.size() > 1 || config.dropout_passes > 0) {
    throw bad_input(config.models.size() > 1 ? "--layers goes with one --model"
                                             : "--layers does not go with --mc-dropout",
                    "the members of an ensemble have neurons of their own",
                    "run each model by itself, and compare the results with `fod compare`");
  }
}

void require_no_distributions_flags(CLI::App const& app, Config const& config) {
  if (config.distributions) {
    return;
  }
  for (auto const* flag : {"--transform", "--keep-logits", "--output-mode", "--output", "--json"}) {
    if (app.count(flag) > 0) {
      throw bad_input(std::string(flag) + " does not go with --no-distributions",
                      "the model's output is not looked at", "leave one of them out");
    }
  }
}

} // namespace

void add_layers(CLI::App& app, LayerRequest& request, RawLayers& raw) {
  app.add_option("--layers", request.layers,
                 "Find groups in these layers: names as named_modules() gives them, globs "
                 "('layer*.conv1')")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_flag("--list-layers", request.list, "Print the layers with types and shapes, and end");
  app.add_flag("--no-distributions", raw.no_distributions,
               "Groups alone: the model may return anything");
  app.add_option("--pool", raw.pooling,
                 "What a neuron is where a layer has pixels or tokens: mean|max over them, none "
                 "(each by itself); conv=… or sequence=… for one kind of layer")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--tap-transform", request.transform,
                 "Change activations before they count: l2 | plugin:libx.so | "
                 "python:module:callable");
  app.add_option("--group-method", raw.method, "correlation_clustering|kmeans|hierarchical")
      ->check(CLI::IsMember({"correlation_clustering", "kmeans", "hierarchical"}))
      ->capture_default_str();
  app.add_option("--correlation-threshold", raw.threshold,
                 "Smallest |r| between neighbours, or auto: the one that is most stable")
      ->capture_default_str();
  app.add_option("--min-group-size", request.options.least_size, "Smaller groups are none")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{16384}))
      ->capture_default_str();
  app.add_option("--n-groups", raw.count, "Groups of kmeans (auto: found) or hierarchical");
  app.add_flag("--signed", raw.with_sign, "kmeans on r instead of r^2, so that signs part neurons");
  app.add_option("--linkage", raw.linkage, "Of hierarchical: average|ward (needs --n-groups)")
      ->check(CLI::IsMember({"average", "ward"}))
      ->capture_default_str();
  app.add_flag("--legacy", request.legacy,
               "The overlapping greedy groups on uncentred cosine of an older tool, to compare");
  app.add_flag("--group-patterns", request.patterns,
               "Keep each group's mean activation per sample (a second pass over the data)");
  app.add_flag("--keep-activations", request.keep_activations, "Keep the activations themselves");
  app.add_flag("--keep-correlation", request.keep_correlation,
               "Keep the correlations of layers with more than 4,096 neurons too");
  app.add_flag("--keep-moments", request.keep_moments, "Keep the sums they follow from");
  app.add_option("--categories", request.categories,
                 "A category per sample (x.csv, x.npy or x.h5:/path), for learning events");
  app.add_option(
      "--texts", request.texts,
      "A text per sample (x.txt, x.csv or x.h5:/path), from which rules make categories");
  app.add_option("--rules", request.rules, "Keywords per category for --texts, a JSON file");
  app.add_option("--loss", request.loss, "A loss per sample (x.csv, x.npy or x.h5:/path)");
}

void parse_pooling(std::string const& text, LayerRequest& request) {
  auto const equals = text.find('=');
  auto const kind = equals == std::string::npos ? "" : text.substr(0, equals);
  auto const pooling = pooling_named(text.substr(kind.empty() ? 0 : equals + 1), text);
  if (!kind.empty() && kind != "conv" && kind != "sequence") {
    throw bad_input("cannot read --pool " + text, "'" + kind + "' is no kind of layer",
                    "write conv=… for layers with pixels, sequence=… for layers with tokens");
  }
  request.channels = kind == "sequence" ? request.channels : pooling;
  request.features = kind == "conv" ? request.features : pooling;
}

void settle_layers(CLI::App const& app, Config& config, RawLayers const& raw) {
  auto& request = config.groups;
  auto& options = request.options;
  config.distributions = !raw.no_distributions;
  for (auto const& text : raw.pooling) {
    parse_pooling(text, request);
  }
  for (auto const method : {groups::Method::correlation_clustering, groups::Method::kmeans,
                            groups::Method::hierarchical}) {
    options.method = raw.method == name_of(method) ? method : options.method;
  }
  options.linkage = raw.linkage == "ward" ? groups::Linkage::ward : groups::Linkage::average;
  options.sign_blind = !raw.with_sign;
  options.seed = static_cast<std::uint64_t>(config.seed);
  check_transform(request.transform);
  settle_threshold(raw.threshold, request);
  settle_count(raw.count, options);
  require_method(app, request);
  bool const threshold_given = app.count("--correlation-threshold") > 0;
  if (options.method == groups::Method::kmeans && threshold_given) {
    throw bad_input("--correlation-threshold does not go with --group-method kmeans",
                    "it has a number of groups instead", "leave it out, or give --n-groups");
  }
  if (options.method == groups::Method::hierarchical && options.group_count > 0 &&
      threshold_given) {
    throw bad_input("--correlation-threshold does not go with --n-groups",
                    "the tree is cut into so many groups instead", "leave one of them out");
  }
  if (options.linkage == groups::Linkage::ward && options.group_count == 0) {
    throw bad_input("--linkage ward needs --n-groups",
                    "its heights are no correlations, so there is no threshold to cut at",
                    "write --n-groups 10");
  }
  if (!request.rules.empty() && request.texts.empty()) {
    throw bad_input("--rules needs --texts", "rules make categories of texts",
                    "give the texts of the samples with --texts");
  }
  if (!request.categories.empty() && !request.texts.empty()) {
    throw bad_input("--categories does not go with --texts", "both give a category per sample",
                    "leave one of them out");
  }
  require_layers(app, config);
  require_one_pass(config);
  require_no_distributions_flags(app, config);
}

} // namespace fod
