#include "flags.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"
#include "fod/version.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>
#include <sstream>

namespace fod {

namespace {

constexpr char const* title =
    "Class distributions of a trained model over a dataset, as one MPI job";
constexpr char const* footer = R"(Example:
  mpirun -n 4 fod-generate --model m.pt --data images.npy --labels labels.npy --out result.h5

Exit codes: 0 done; 2 bad usage or bad input, nothing written; 3 stopped by a signal, progress
kept; 4 failed at run time, progress kept.)";

/// What the library cannot store in Config's own types.
struct Raw {
  std::string range;
  std::string batch_size = "64";
  std::string resize;
  std::string model_name;
  std::int64_t model_epoch = 0;
  bool progress = false;
  RawLayers layers;
};

void add_inputs(CLI::App& app, Config& config, Raw& raw) {
  app.add_option("--model", config.models,
                 "Model: m.pt (TorchScript) | m.pt2 (AOTInductor) | python:module:callable | "
                 "plugin:libx.so[?options] (fod/plugin_abi.h). Repeat for an ensemble")
      ->required()
      ->allow_extra_args(false);
  app.add_option("--model-sha256", config.model_digests,
                 "SHA-256 that the file of a --model must have. Repeat in the order of --model; - "
                 "leaves one out")
      ->allow_extra_args(false);
  app.add_option("--weights", config.weights, "Weights of an ensemble's models; made to sum to 1")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option(
         "--data", config.data,
         "Input [name=]SPEC: x.npy, x.h5:/path, MNIST IDX (.gz too), cifar10:FILE, a folder of "
         "images (class/x.jpg|png), python:module:callable. Repeat for several")
      ->allow_extra_args(false);
  app.add_option("--input", config.inputs,
                 "Fields that become the model's arguments, in order; =NUMBER is a constant one")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--concat", config.joined,
                 "Fields that become one argument, joined along the first extent of a sample")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option(
      "--labels", config.labels,
      "Class indices (N) or counts per class (N,K): a SPEC as for --data, or the name of "
      "a field of it");
  app.add_option("--normalize", config.normalize,
                 "[field:]mean=M[,M...],std=S[,S...]: (x - mean) / std, per channel or for all")
      ->allow_extra_args(false);
  app.add_option("--max-samples", config.max_samples, "Take the first so many samples")
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()));
  app.add_option("--range", raw.range, "Samples a:b alone, cut at block boundaries");
}

void add_images(CLI::App& app, Config& config, Raw& raw) {
  std::map<std::string, ImageMode> const modes{{"rgb", ImageMode::rgb}, {"gray", ImageMode::gray}};
  app.add_option("--resize", raw.resize,
                 "Images: scale the shorter side to S, or all to HxW (bilinear, antialiased)");
  app.add_option("--crop", config.images.crop, "Images: take the S x S pixels at the centre")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{65535}));
  app.add_option("--image-mode", config.images.mode, "Images: rgb|gray")
      ->transform(CLI::CheckedTransformer(modes).description(""));
  app.add_flag("--skip-bad", config.images.skip_bad,
               "Images: mark those that cannot be read in /row_status, instead of stopping");
}

void add_running(CLI::App& app, Config& config, Raw& raw) {
  auto const& modes = output_modes();
  app.add_option("--output-mode", config.output_mode,
                 "What the model returns: " + std::string("auto|logits|probs|sigmoid|positive"))
      ->transform(CLI::CheckedTransformer(modes).description(""));
  app.add_option("--output", config.output_key, "Entry of a dict or tuple output, dotted (a.0)");
  app.add_option("--transform", config.transforms,
                 "temperature=T (on logits), smooth=ALPHA, topk=K, python:module:callable, "
                 "plugin:libx.so. Repeat: applied in order")
      ->allow_extra_args(false);
  app.add_option("--mc-dropout", config.dropout_passes,
                 "Members by so many passes with dropout layers on, seeded")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  app.add_option("--batch-size", raw.batch_size, "Samples of one forward, or auto")
      ->capture_default_str();
  std::map<std::string, Precision> const precisions{{"fp32", Precision::fp32},
                                                    {"tf32", Precision::tf32},
                                                    {"bf16", Precision::bf16},
                                                    {"fp16", Precision::fp16}};
  app.add_option("--precision", config.precision, "Of the forward: fp32|tf32|bf16|fp16")
      ->transform(CLI::CheckedTransformer(precisions).description(""));
  app.add_option("--threads", config.threads, "CPU threads per rank (default: its bound cores)")
      ->check(CLI::Range(1, 4096));
  app.add_option("--device", config.device,
                 "auto|cpu|cuda|cuda:K|gpu|gpu:K|tpu (by a JAX callable)")
      ->capture_default_str();
  app.add_flag("--share-gpus", config.share_gpus, "Let several ranks use one GPU");
  app.add_option("--seed", config.seed, "Seed of --mc-dropout, recorded")->capture_default_str();
}

void add_outputs(CLI::App& app, Config& config, Raw& raw) {
  app.add_option("--out", config.out, "Result file R.h5");
  app.add_flag("--shards", config.shards,
               "Each rank writes a file of its own, R.00000-of-00008.h5 for --out R.h5, without "
               "MPI-IO; `fod merge` joins them and finds the groups");
  app.add_flag("--overwrite", config.overwrite, "Replace an existing output");
  app.add_flag("--resume", config.resume,
               "Go on with what an earlier job left, on any number of ranks; start anew if nothing "
               "is there");
  app.add_flag("--allow-nonfinite", config.allow_nonfinite,
               "Keep rows with NaN or infinity, marked in /row_status, instead of stopping");
  app.add_flag("--keep-members", config.keep_members, "Keep each member's distribution too");
  app.add_flag("--keep-logits", config.keep_logits, "Keep what the models returned too");
  app.add_option("--verify", config.verify,
                 "Recompute a random sample of the rows of this result with the given model and "
                 "data, and compare; writes nothing");
  app.add_option("--verify-samples", config.verify_samples,
                 "How many rows --verify recomputes, in whole batches chosen by chance")
      ->check(CLI::Range(std::int64_t{1}, std::numeric_limits<std::int64_t>::max()))
      ->capture_default_str();
  app.add_option("--posterior", config.posterior,
                 "Write {layer: {mu, rho, sigma}} of Bayesian layers to this HDF5 file");
  app.add_option("--checkpoint-interval", config.checkpoint_interval,
                 "Seconds between two savings of progress; more where saving would take over 2 % "
                 "of the time. 0: after every block, whatever it takes")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_option("--stall-timeout", config.stall_timeout,
                 "Seconds after which a rank that gives no sign of life, or makes no progress in "
                 "the loop, ends the job")
      ->check(CLI::Range(0.1, 1e6))
      ->capture_default_str();
  app.add_option("--json", config.json, "Write this JSON file too, at the end");
  app.add_option("--meta", config.meta, "k=v (a string) | k:=json | @file.json | auto. Repeat")
      ->allow_extra_args(false);
  app.add_option("--model-name", raw.model_name, "Name of the model, first in meta");
  app.add_option("--model-epoch", raw.model_epoch, "Epoch of the model, recorded in meta");
  app.add_flag("--dry-run", config.dry_run, "Print the plan and end; writes nothing");
  app.add_flag("--progress,!--no-progress", raw.progress, "Show progress, or do not");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_config("--config", "", "Read flags from a TOML file: key = value, without dashes");
}

void add_all(CLI::App& app, Config& config, Raw& raw) {
  app.footer(footer);
  app.set_version_flag("--version", std::string(version()));
  add_inputs(app, config, raw);
  add_images(app, config, raw);
  add_running(app, config, raw);
  add_layers(app, config.groups, raw.layers);
  add_outputs(app, config, raw);
}

/// Takes what --model-sha256 says: a digest for each model, or none.
void settle_digests(Config& config) {
  auto& digests = config.model_digests;
  if (!digests.empty() && digests.size() != config.models.size()) {
    throw bad_input("cannot use --model-sha256",
                    "there are " + std::to_string(digests.size()) + " for " +
                        std::to_string(config.models.size()) + " of --model",
                    "give one for each, in their order, - for a model that may change");
  }
  for (std::size_t i = 0; i < digests.size(); ++i) {
    auto& digest = digests[i];
    if (digest == "-") {
      digest.clear();
      continue;
    }
    std::transform(digest.begin(), digest.end(), digest.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
    constexpr std::size_t length = 64;
    if (digest.size() != length ||
        digest.find_first_not_of("0123456789abcdef") != std::string::npos) {
      throw bad_input("cannot use --model-sha256 " + digest, "it is no SHA-256",
                      "give the 64 hexadecimal digits that `sha256sum` prints");
    }
    if (config.models[i].starts_with("python:")) {
      throw bad_input(
          "--model-sha256 cannot pin " + config.models[i],
          "Python code is no single file: what it imports and loads is not known before",
          "give - for this model, and pin its files in the code itself");
    }
  }
}

/// What no single flag can tell.
void check_together(Config const& config) {
  auto const help = std::string("`fod-generate --help` lists the flags");
  bool const reads_only = config.groups.list || !config.verify.empty();
  bool const job = !config.data.empty() || !config.out.empty() || reads_only;
  if (job || config.posterior.empty()) {
    if (config.data.empty()) {
      throw bad_input("bad usage", "--data is required", help);
    }
    if (config.out.empty() && !reads_only) {
      throw bad_input("bad usage", "--out is required", help);
    }
  }
  if (!config.verify.empty() && (!config.out.empty() || !config.json.empty())) {
    throw bad_input("--verify writes nothing", "--out or --json was given as well",
                    "leave them out");
  }
  std::vector<std::pair<char const*, std::string>> const outputs{
      {"--out", config.out}, {"--json", config.json}, {"--posterior", config.posterior}};
  for (std::size_t i = 1; i < outputs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      auto const path = [&](std::size_t at) {
        return std::filesystem::path(outputs[at].second).lexically_normal();
      };
      if (!outputs[i].second.empty() && path(i) == path(j)) {
        throw bad_input(std::string(outputs[i].first) + " and " + outputs[j].first +
                            " name the same file",
                        outputs[i].second, "give each output a name of its own");
      }
    }
  }
  if (config.shards && !config.json.empty()) {
    throw bad_input("--json does not go with --shards", "each rank has a part of the rows alone",
                    "join the shards with `fod merge`, then write the JSON with `fod export`");
  }
  if (config.keep_members && config.models.size() == 1 && config.dropout_passes == 0) {
    throw bad_input("--keep-members needs members", "there is one model and no --mc-dropout",
                    "repeat --model, or leave the flag out");
  }
  if (!config.weights.empty()) {
    auto const bad = [](double weight) { return !(weight >= 0) || weight > 1e30; };
    double const sum = std::accumulate(config.weights.begin(), config.weights.end(), 0.0);
    if (config.weights.size() != config.models.size() || sum <= 0 ||
        std::any_of(config.weights.begin(), config.weights.end(), bad)) {
      throw bad_input("cannot use --weights",
                      "it takes one number from 0 for each --model, not all 0; there are " +
                          std::to_string(config.weights.size()) + " for " +
                          std::to_string(config.models.size()),
                      "write --weights 2,1,1 for three models");
    }
  }
}

std::vector<std::string> flag_names(CLI::App const& app) {
  std::vector<std::string> names;
  for (auto const* option : app.get_options()) {
    for (auto const& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

/// "--precision: Check fp8 value in {bf16->2,fp16->3} OR {2,3} FAILED" of the library, in our form.
std::optional<Error> value_error(std::string const& text) {
  std::string const check = ": Check ";
  std::string const among = " value in {";
  auto const first = text.find(check);
  auto const second = text.find(among);
  if (first == std::string::npos || second == std::string::npos) {
    return std::nullopt;
  }
  auto const value = text.substr(first + check.size(), second - first - check.size());
  std::vector<std::string> known;
  std::istringstream entries(
      text.substr(second + among.size(), text.find('}') - second - among.size()));
  for (std::string entry; std::getline(entries, entry, ',');) {
    known.push_back(entry.substr(0, entry.find("->")));
  }
  auto const near = nearest_name(value, known);
  return bad_input(text.substr(0, first) + " has no value '" + value + "'",
                   "there are " + joined(known),
                   near.empty() ? "give one of these" : "did you mean '" + near + "'?");
}

/// The library's complaint in our form, with the nearest flag for one that is unknown.
Error usage_error(CLI::App const& app, CLI::ParseError const& error) {
  auto const help = std::string("`fod-generate --help` lists the flags");
  bool const unknown = dynamic_cast<CLI::ExtrasError const*>(&error) != nullptr ||
                       dynamic_cast<CLI::ConfigError const*>(&error) != nullptr;
  if (unknown) {
    std::istringstream words(error.what());
    for (std::string word; words >> word;) {
      if (word[0] != '-') {
        continue;
      }
      auto const flag = word.substr(0, word.find('='));
      auto const near = nearest_name(flag, flag_names(app));
      return bad_input("unknown flag " + flag, near.empty() ? "" : "did you mean " + near + "?",
                       help);
    }
  }
  if (auto const unknown_value = value_error(error.what())) {
    return *unknown_value;
  }
  return bad_input("bad usage", error.what(), help);
}

} // namespace

void with_job_flags(std::function<void(CLI::App const&)> const& use) {
  Config config;
  Raw raw;
  CLI::App app{title, "fod-generate"};
  add_all(app, config, raw);
  use(app);
}

Config parse_command_line(int argc, char const* const* argv, std::optional<Answer>& answer) {
  Config config;
  Raw raw;
  CLI::App app{title, "fod-generate"};
  add_all(app, config, raw);
  try {
    app.parse(argc, argv);
  } catch (CLI::CallForHelp const&) {
    answer = Answer{app.help()};
    return config;
  } catch (CLI::CallForVersion const&) {
    answer = Answer{"fod-generate " + std::string(version()) + "\n"};
    return config;
  } catch (CLI::ParseError const& error) {
    throw usage_error(app, error);
  }
  if (!raw.range.empty()) {
    config.range = parse_range(raw.range);
  }
  config.batch_size = parse_batch_size(raw.batch_size);
  check_together(config);
  settle_digests(config);
  settle_layers(app, config, raw.layers);
  if (config.groups.list && app.count("--batch-size") == 0) {
    config.batch_size = 1;
  }
  if (app.count("--resize") > 0) {
    config.images.resize = parse_resize(raw.resize);
  }
  if (app.count("--model-name") > 0) {
    config.model_name = raw.model_name;
  }
  if (app.count("--model-epoch") > 0) {
    config.model_epoch = raw.model_epoch;
  }
  if (app.count("--progress") > 0) {
    config.progress = raw.progress;
  }
  config.argv.assign(argv, argv + argc);
  return config;
}

} // namespace fod
