#pragma once

#include "fod/activations.hpp"
#include "fod/group_options.hpp"
#include "fod/image.hpp"
#include "fod/records.hpp"
#include "fod/transform.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fod {

/// What is asked of the layers of the model.
struct LayerRequest {
  std::vector<std::string> layers; ///< names and globs; empty: no groups
  bool list = false;               ///< print what there is and end
  std::string transform; ///< of --tap-transform: l2, plugin:… or python:…; empty: none
  Pooling channels = Pooling::mean; ///< over the space of convolutions and the like
  Pooling features = Pooling::mean; ///< over the tokens of sequences
  groups::Options options;
  bool auto_threshold = false;
  bool legacy = false; ///< the older tool's overlapping groups instead
  bool keep_activations = false;
  bool keep_correlation = false;
  bool keep_moments = false;
  bool patterns = false;  ///< of --group-patterns
  std::string categories; ///< of samples: a file; empty: none
  std::string texts;      ///< of samples, from which `rules` make categories
  std::string rules;      ///< a file of keywords per category; empty: the built-in ones
  std::string loss;       ///< of samples

  /// True if samples in which groups are active are looked for.
  [[nodiscard]] bool events() const {
    return !categories.empty() || !texts.empty() || !loss.empty();
  }
  /// True if something is asked for that needs the groups and then the samples again.
  [[nodiscard]] bool second_pass() const { return patterns || events(); }
};

/// Everything a user can ask `fod-generate` for.
struct Config {
  // What to run
  std::vector<std::string> models;        ///< more than one is an ensemble
  std::vector<std::string> model_digests; ///< of --model-sha256, lower case; "" pins nothing
  std::vector<double> weights;            ///< of the models; empty: equal
  std::int64_t dropout_passes = 0;        ///< of --mc-dropout; 0: off
  std::vector<std::string> data;          ///< `[name=]SPEC`
  std::vector<std::string> inputs;        ///< fields that become the model's arguments, in order
  std::vector<std::string> joined;        ///< fields that become one argument, of --concat
  std::string labels;                     ///< empty: none
  ImageOptions images;                ///< for folders of images; the threads are those of a rank
  std::vector<std::string> normalize; ///< `[field:]mean=…,std=…`
  std::int64_t max_samples = -1;      ///< negative: all
  std::optional<IndexRange> range;    ///< of samples; empty: all

  // How to run it
  OutputMode output_mode = OutputMode::automatic;
  std::string output_key; ///< entry of a dict or tuple, dotted; empty: the output itself
  std::vector<std::string> transforms; ///< as `parse_transforms` takes them
  std::int64_t batch_size = 64;        ///< 0: `auto`, found at the probe
  Precision precision = Precision::fp32;
  int threads = 0; ///< per rank; 0: the cores bound to the rank
  std::string device = "auto";
  bool share_gpus = false;

  LayerRequest groups;
  bool distributions = true; ///< false: groups alone, of any model

  // What to write
  std::string out;
  std::string verify;                 ///< a result to recompute some rows of; empty: none
  std::int64_t verify_samples = 4096; ///< how many
  bool shards = false;                ///< a file per rank, to be joined by `fod merge`
  bool overwrite = false;
  bool resume = false;          ///< go on with what an earlier job left
  bool allow_nonfinite = false; ///< keep rows that are not finite, marked
  bool keep_members = false;
  bool keep_logits = false;
  std::string posterior;           ///< file for (mu, rho) of Bayesian layers; empty: none
  double checkpoint_interval = 60; ///< seconds
  double stall_timeout = 300;      ///< seconds
  std::string json;                ///< empty: no JSON
  std::vector<std::string> meta;   ///< `k=v`, `k:=json`, `@file.json`, `auto`
  std::optional<std::string> model_name;
  std::optional<std::int64_t> model_epoch;
  std::int64_t seed = 0;

  bool dry_run = false;
  bool quiet = false;           ///< say nothing on standard output, as a library does
  std::optional<bool> progress; ///< empty: a line if stderr is a terminal, else every 30 s

  std::vector<std::string> argv; ///< as it was called, for the provenance
};

/// What the command line asks for instead of a job: text for stdout, such as `--help`.
struct Answer {
  std::string text;
};

/// Reads the command line and `--config`. @throws Error (usage) with a suggestion for a misspelt
/// flag; a flag on the command line wins over the file.
/// @param answer set if the program shall print it and end
Config parse_command_line(int argc, char const* const* argv, std::optional<Answer>& answer);

/// A value of `--output-mode`. @throws Error (usage)
OutputMode parse_output_mode(std::string const& text);

/// `a:b` of `--range`; either side may be left out. @throws Error (usage)
IndexRange parse_range(std::string const& text);

/// A number from 1 to 2^24, or `auto`, which is 0. @throws Error (usage)
std::int64_t parse_batch_size(std::string const& text);

/// `mean`, `conv=max` or `sequence=none` of --pool. @throws Error (usage)
void parse_pooling(std::string const& text, LayerRequest& request);

/// `S` (the shorter side), `HxW` or `H,W` of `--resize`. @throws Error (usage)
ImageResize parse_resize(std::string const& text);

/// `a,=16000,b` of --input, parted: names of fields, and constants with their positions.
struct Arguments {
  struct Constant {
    std::size_t position = 0;
    double value = 0;
    bool whole = false;
  };
  std::vector<std::string> fields;
  std::vector<Constant> constants;
};
/// @throws Error (usage) for a constant that is no number, or constants without a field
Arguments parse_arguments(std::vector<std::string> const& inputs);

/// What --transform asks for. Built-in steps run with the softmax; those of the user's own,
/// `python:` or `plugin:`, run on the host, each followed by the built-in ones after it.
struct TransformPlan {
  struct Own {
    std::string spec;
    TransformChain then;
  };
  TransformChain first;
  std::vector<Own> own;
};

/// `temperature=T`, `smooth=ALPHA`, `topk=K`, `python:…`, `plugin:…`, in the order in which they
/// are applied.
/// @throws Error (usage) for unknown ones, values out of range, a temperature after another step
TransformPlan parse_transforms(std::vector<std::string> const& arguments);

/// `[field:]mean=M[,M…],std=S[,S…]` of `--normalize`.
struct Normalization {
  std::string field; ///< empty: every field that reaches the model as floating point
  std::vector<double> mean;
  std::vector<double> std;
};
Normalization parse_normalization(std::string const& text);

} // namespace fod
