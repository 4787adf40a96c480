#include "probe.hpp"

#include "decision.hpp"
#include "probe_codec.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace fod {

namespace {

/// The first runs of a TorchScript program are profiled, later ones optimised.
constexpr int warm_up_runs = 3;

/// The largest difference between two runs, 0 if it is but rounding: sums by atomics on a GPU
/// differ in their last bits.
double difference_of(std::span<float const> one, std::span<float const> two) {
  constexpr double rounding = 1e-4;
  double largest = 0;
  double difference = 0;
  for (std::size_t at = 0; at < one.size(); ++at) {
    largest = std::max(largest, std::abs(static_cast<double>(one[at])));
    difference = std::max(difference, std::abs(static_cast<double>(one[at] - two[at])));
  }
  return difference > rounding * largest ? difference : 0;
}

/// The first member of each model, on the batches of block 0.
class BlockProbe {
public:
  BlockProbe(Config const& config, Inputs const& inputs, Model& model, LayerWatch* watch,
             Device const& device)
      : config_(config), inputs_(inputs), model_(model), watch_(watch), device_(device) {
    if (watch != nullptr) {
      activations_.emplace(*watch);
    }
  }

  ProbeResult run(std::vector<InputTypes> const& input_types) {
    for (std::size_t i = 0; i < model_.model_count(); ++i) {
      result_.models.emplace_back();
      result_.models.back().input_types = input_types[i];
    }
    BlockGrid const grid(inputs_.dataset.size(), config_.batch_size);
    auto const block = grid.samples_of(0);
    warm_up(batch_at(block.begin, block));
    for (auto begin = block.begin; begin < block.end; begin += config_.batch_size) {
      run_batch(batch_at(begin, block));
    }
    if (activations_) {
      auto const columns = appended_columns(config_, inputs_.labels.has_value());
      result_.scales = activations_->scales(grid, columns);
      require_steady_layers(batch_at(block.begin, block));
    }
    if (config_.distributions) {
      settle_outputs(batch_at(block.begin, block));
    }
    return std::move(result_);
  }

  /// Of the data of block 0.
  [[nodiscard]] std::string data_hash() const { return checksum_text(seen_data_.digest()); }

private:
  [[nodiscard]] IndexRange batch_at(std::int64_t begin, IndexRange block) const {
    return {begin, std::min(block.end, begin + config_.batch_size)};
  }

  void settle_outputs(IndexRange first_batch) {
    for (std::size_t i = 0; i < result_.models.size(); ++i) {
      decisions_[i].settle(config_.output_mode, result_.models[i]);
      require_temperature(i);
      require_classes(i);
    }
    require_steady(first_batch);
    if (config_.dropout_passes > 0) {
      require_dropout(first_batch);
    }
    for (auto const& [samples, stored] : labels_) {
      static_cast<void>(judge_labels(samples, stored, inputs_.label_counts(), result_.classes()));
    }
  }

  ModelOutput forward(std::size_t model) {
    if (watch_ != nullptr) {
      watch_->begin(config_.batch_size);
    }
    auto output =
        fod::forward(model_, model * (model_.member_count() / model_.model_count()), samples_);
    if (watch_ != nullptr) {
      watch_->finish(output.stream);
    }
    return output;
  }

  void warm_up(IndexRange samples) {
    for (int run = 1; run < warm_up_runs; ++run) {
      load(samples, samples.begin);
      for (std::size_t i = 0; i < result_.models.size(); ++i) {
        auto const output = forward(i);
        if (config_.distributions) {
          check_output(output, config_.batch_size, config_.output_mode);
        }
      }
    }
  }

  void load(IndexRange samples, std::int64_t key, Checksum& checksum) {
    samples_ = samples;
    inputs_.fill(model_, samples, checksum);
    model_.begin_batch(key);
  }
  void load(IndexRange samples, std::int64_t key) {
    Checksum ignored;
    load(samples, key, ignored);
  }

  void run_batch(IndexRange samples) {
    load(samples, samples.begin, seen_data_);
    auto const unreadable = inputs_.dataset.unreadable(samples);
    labels_.emplace_back(samples, inputs_.stored_labels(samples));
    for (std::size_t i = 0; i < result_.models.size(); ++i) {
      auto const output = forward(i);
      if (activations_) {
        activations_->add(samples, unreadable, config_.allow_nonfinite);
      }
      if (!config_.distributions) {
        continue;
      }
      auto& model = result_.models[i];
      model.inputs = check_output(output, config_.batch_size, config_.output_mode);
      model.output_type = output.type;
      model.tolerance =
          std::max(probability_tolerance(output.type), probability_tolerance(config_.precision));
      if (decisions_.size() == i) {
        decisions_.emplace_back(device_, config_.batch_size, model);
      }
      decisions_[i].look_at(output, samples, unreadable);
    }
  }

  void require_temperature(std::size_t i) const {
    auto const& model = result_.models[i];
    bool const no_logits = model.mode == OutputMode::probs || model.mode == OutputMode::positive;
    if (no_logits && parse_transforms(config_.transforms).first.scales_logits()) {
      throw bad_input("--transform temperature needs logits, but the model returns probabilities",
                      model.evidence,
                      "return logits, leave the temperature out, or say --output-mode logits");
    }
    if (no_logits && config_.keep_logits) {
      throw bad_input("--keep-logits needs logits, but the model returns probabilities",
                      model.evidence,
                      "return logits, leave the flag out, or say --output-mode logits");
    }
  }

  void require_classes(std::size_t i) const {
    auto const here = result_.models[i].epilogue(0).classes();
    if (here != result_.classes()) {
      throw bad_input("the model " + config_.models[i] + " has " + std::to_string(here) +
                          " classes",
                      "the first one has " + std::to_string(result_.classes()),
                      "the models of an ensemble share their classes");
    }
  }

  /// A model that remembers what it saw would give rows that depend on what its rank did before.
  void require_steady(IndexRange samples) {
    load(samples, samples.begin);
    for (std::size_t i = 0; i < result_.models.size(); ++i) {
      auto const one = decisions_[i].values_of(forward(i), samples.size());
      auto const two = decisions_[i].values_of(forward(i), samples.size());
      if (auto const difference = difference_of(one, two); difference > 0) {
        throw bad_input("the model " + config_.models[i] +
                            " keeps state from one batch to the next",
                        "run twice on the same batch, its outputs differ by " +
                            std::to_string(difference) + ", so rows would depend on the ranks",
                        "make forward depend on its inputs alone; a method `reset_states()` of a "
                        "TorchScript model is called before every batch");
      }
    }
  }

  /// The same for what its layers give.
  void require_steady_layers(IndexRange samples) {
    std::vector<std::vector<float>> before;
    for (int run = 0; run < 2; ++run) {
      load(samples, samples.begin);
      static_cast<void>(forward(0));
      for (std::size_t i = 0; i < watch_->layers().size(); ++i) {
        auto const now = watch_->on_host(i);
        if (run == 0) {
          before.emplace_back(now.begin(), now.end());
        } else if (difference_of(before[i], now) > 0) {
          throw bad_input("layer " + watch_->layers()[i].layer.name +
                              " keeps state from one batch to the next",
                          "run twice on the same batch, its activations differ, so groups would "
                          "depend on the ranks",
                          "make forward depend on its inputs alone");
        }
      }
    }
  }

  /// A model whose dropout has no effect would give members that are all equal.
  void require_dropout(IndexRange samples) {
    constexpr std::int64_t another_draw = -1;
    for (std::size_t i = 0; i < result_.models.size(); ++i) {
      load(samples, samples.begin);
      auto const one = decisions_[i].values_of(forward(i), samples.size());
      load(samples, another_draw);
      if (decisions_[i].values_of(forward(i), samples.size()) == one) {
        throw bad_input("--mc-dropout has no effect on the model " + config_.models[i],
                        "two passes came out equal, as when it was traced (which resolves "
                        "dropout) or its dropout has p = 0",
                        "export it scripted: torch.jit.script(model).save(path)");
      }
    }
  }

  Config const& config_;
  Inputs const& inputs_;
  Model& model_;
  LayerWatch* watch_;
  std::optional<ScaleProbe> activations_;
  Device const& device_;
  IndexRange samples_; ///< of the loaded batch
  Checksum seen_data_;
  std::vector<std::pair<IndexRange, std::vector<std::int64_t>>> labels_;
  ProbeResult result_;
  std::vector<ModeDecision> decisions_;
};

/// Ranks open their data by themselves. If they do not see the same, ids mean nothing.
void require_same_data(std::string const& hash, Comm const& comm) {
  auto const all = comm.all_gather(hash);
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] != all[0]) {
      throw AgreedError(bad_input(
          "rank " + std::to_string(rank) + " sees other samples than rank 0",
          "they read block 0 each, and their bytes differ",
          "see that all ranks reach the same files, and that a dataset in Python has one order: "
          "sort what it lists, seed what it draws"));
    }
  }
}

/// Texts of all models, or one if they are equal.
template <class Text>
std::string joined(std::vector<ModelProbe> const& models, Text text) {
  std::string all;
  bool equal = true;
  for (auto const& model : models) {
    all += (all.empty() ? "" : ", ") + std::string(text(model));
    equal = equal && text(model) == text(models[0]);
  }
  return equal && !models.empty() ? std::string(text(models[0])) : all;
}

} // namespace

std::string ProbeResult::mode_text() const {
  return joined(models, [](ModelProbe const& model) { return name_of(model.mode); });
}

std::string ProbeResult::evidence_text() const {
  return joined(models, [](ModelProbe const& model) { return std::string_view(model.evidence); });
}

std::int64_t check_output(ModelOutput const& output, std::int64_t batch_size, OutputMode mode) {
  auto const& shape = output.shape;
  auto const came = "the model returned shape " + to_string(shape) + " for a batch of " +
                    std::to_string(batch_size);
  auto const expected = "expected (" + std::to_string(batch_size) + ", K) with K classes";
  if (!is_floating(output.type)) {
    throw bad_input("the model returned " + std::string(name_of(output.type)) + " values",
                    "class scores are floating point numbers",
                    "return logits or probabilities, or name the right entry with --output");
  }
  if (shape.size() != 2) {
    throw bad_input(came, expected,
                    shape.size() > 2 ? "reduce the other extents in the model (one row per sample)"
                                     : "return one row of class scores per sample");
  }
  if (shape[0] != batch_size) {
    throw bad_input(came, expected + "; it returned " + std::to_string(shape[0]) + " rows",
                    "return one row per sample, in the order of the batch");
  }
  if (is_binary(mode) && shape[1] != 1) {
    throw bad_input(came,
                    "--output-mode " + std::string(name_of(mode)) + " takes (" +
                        std::to_string(batch_size) + ", 1)",
                    "use --output-mode logits or probs for several classes");
  }
  if (!is_binary(mode) && shape[1] < 2) {
    throw bad_input(came, expected + ", at least two",
                    shape[1] == 1 ? "pass --output-mode sigmoid for a single score per sample, "
                                    "positive for a single probability"
                                  : "return class scores");
  }
  return shape[1];
}

void load_first_batch(Config const& config, Inputs const& inputs, Model& model) {
  Checksum ignored;
  inputs.fill(model, {0, std::min(inputs.dataset.size(), config.batch_size)}, ignored);
}

std::vector<InputTypes> settle_input_types(Config const& config, Inputs const& inputs, Model& model,
                                           Comm const& comm) {
  std::string decided;
  comm.on_root([&] {
    load_first_batch(config, inputs, model);
    ProbeResult types;
    for (auto& found : model.find_input_types()) {
      types.models.emplace_back();
      types.models.back().input_types = std::move(found);
    }
    decided = encode_probe(types);
  });
  std::vector<InputTypes> input_types;
  for (auto const& one : decode_probe(comm.broadcast(decided)).models) {
    input_types.push_back(one.input_types);
  }
  comm.agree([&] { model.set_input_types(input_types); });
  return input_types;
}

ProbeResult probe(Config const& config, Inputs const& inputs, Model& model,
                  std::vector<InputTypes> const& input_types, LayerWatch* watch, Comm const& comm,
                  Device const& device) {
  std::string decided;
  std::string data_hash;
  comm.agree([&] {
    BlockProbe block(config, inputs, model, watch, device);
    decided = encode_probe(block.run(input_types));
    data_hash = block.data_hash();
  });
  require_same_data(data_hash, comm);
  auto result = decode_probe(comm.broadcast(decided));
  result.data_hash = data_hash;
  for (auto& one : result.models) {
    one.transforms = parse_transforms(config.transforms).first;
  }
  return result;
}

} // namespace fod
