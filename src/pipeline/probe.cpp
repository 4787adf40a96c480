#include "probe.hpp"

#include "fod/error.hpp"

#include <nlohmann/json.hpp>

namespace fod {

namespace {

/// The first runs of a TorchScript program are profiled, later ones optimised.
constexpr int warm_up_runs = 3;

std::string encode(ProbeResult const& result) {
  nlohmann::json types;
  for (auto const type : result.input_types) {
    types.push_back(name_of(type));
  }
  return nlohmann::json{{"inputs", result.inputs},
                        {"mode", static_cast<int>(result.mode)},
                        {"output_type", name_of(result.output_type)},
                        {"input_types", types},
                        {"evidence", result.evidence}}
      .dump();
}

ProbeResult decode(std::string const& text) {
  auto const json = nlohmann::json::parse(text);
  ProbeResult result;
  result.inputs = json["inputs"].get<std::int64_t>();
  result.mode = static_cast<OutputMode>(json["mode"].get<int>());
  result.output_type = element_type(json["output_type"].get<std::string>());
  for (auto const& type : json["input_types"]) {
    result.input_types.push_back(element_type(type.get<std::string>()));
  }
  result.evidence = json["evidence"].get<std::string>();
  return result;
}

/// Looks at the outputs of block 0 as if they were probabilities.
class ModeDecision {
public:
  ModeDecision(Device const& device, std::int64_t batch_size, std::int64_t inputs)
      : epilogue_(device, batch_size, inputs), inputs_(inputs) {}

  void look_at(ModelOutput const& output, IndexRange samples) {
    EpilogueSpec const spec{samples.size(), inputs_, output.type, OutputMode::probs,
                            probability_tolerance(output.type)};
    auto const view = epilogue_.run(output.values, spec, output.stream);
    for (std::int64_t row = 0; row < samples.size(); ++row) {
      // Rows that are not finite say nothing about the mode; the loop names them.
      nonfinite_ += (view.flags[row] & row_nonfinite) != 0 ? 1 : 0;
      if ((view.flags[row] & row_no_distribution) != 0 && first_other_ < 0) {
        first_other_ = samples.begin + row;
      }
    }
    seen_ += samples.size();
  }

  void settle(OutputMode asked, ProbeResult& result) const {
    if (nonfinite_ == seen_) {
      throw bad_input("the model returns nothing but NaN or infinity",
                      "for all " + std::to_string(seen_) + " samples of block 0",
                      "look at the weights and at the scale of the data");
    }
    bool const probabilities = first_other_ < 0;
    if (asked == OutputMode::probs && !probabilities) {
      throw bad_input("--output-mode probs was asked for, but sample " +
                          std::to_string(first_other_) + " has no probabilities",
                      "a value is outside [0, 1], or the sum is not 1",
                      "use --output-mode logits, or auto");
    }
    result.mode = asked;
    result.evidence = "asked for";
    if (asked == OutputMode::automatic) {
      result.mode = probabilities ? OutputMode::probs : OutputMode::logits;
      result.evidence = probabilities ? "all " + std::to_string(seen_ - nonfinite_) +
                                            " finite rows of block 0 are in [0, 1] and sum to 1"
                                      : "sample " + std::to_string(first_other_) +
                                            " is outside [0, 1] or does not sum to 1";
    }
  }

private:
  Epilogue epilogue_;
  std::int64_t inputs_;
  std::int64_t seen_ = 0;
  std::int64_t nonfinite_ = 0;
  std::int64_t first_other_ = -1;
};

/// Runs every batch of block 0 and, on the way, the first one as often as a warm-up needs.
ProbeResult run_block(Config const& config, Inputs const& inputs, Model& model,
                      Device const& device, std::vector<ElementType> const& input_types) {
  BlockGrid const grid(inputs.dataset.size(), config.batch_size);
  auto const block = grid.samples_of(0);
  Checksum ignored;
  auto const run = [&](IndexRange samples) {
    inputs.fill(model, samples, ignored);
    model.begin_batch(samples.begin);
    return forward(model, 0, samples);
  };
  IndexRange const first{0, std::min(block.end, config.batch_size)};
  for (int i = 1; i < warm_up_runs; ++i) {
    check_output(run(first), config.batch_size, config.output_mode);
  }
  ProbeResult result;
  result.input_types = input_types;
  std::unique_ptr<ModeDecision> decision;
  for (auto begin = block.begin; begin < block.end; begin += config.batch_size) {
    IndexRange const samples{begin, std::min(block.end, begin + config.batch_size)};
    auto const output = run(samples);
    result.inputs = check_output(output, config.batch_size, config.output_mode);
    result.output_type = output.type;
    if (!decision) {
      decision = std::make_unique<ModeDecision>(device, config.batch_size, result.inputs);
    }
    decision->look_at(output, samples);
  }
  decision->settle(config.output_mode, result);
  if (result.mode == OutputMode::probs && parse_transforms(config.transforms).scales_logits()) {
    throw bad_input("--transform temperature needs logits, but the model returns probabilities",
                    result.evidence,
                    "return logits, leave the temperature out, or say --output-mode logits");
  }
  static_cast<void>(inputs.labels_of(block, result.classes())); // refuses those that are no class
  return result;
}

} // namespace

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
  if (mode == OutputMode::sigmoid && shape[1] != 1) {
    throw bad_input(came, "--output-mode sigmoid takes (" + std::to_string(batch_size) + ", 1)",
                    "use --output-mode logits or probs for several classes");
  }
  if (mode != OutputMode::sigmoid && shape[1] < 2) {
    throw bad_input(came, expected + ", at least two",
                    shape[1] == 1 ? "pass --output-mode sigmoid for a single score per sample"
                                  : "return class scores");
  }
  return shape[1];
}

ProbeResult probe(Config const& config, Inputs const& inputs, Model& model, Comm const& comm,
                  Device const& device) {
  std::string decided;
  comm.on_root([&] {
    Checksum ignored;
    inputs.fill(model, {0, std::min(inputs.dataset.size(), config.batch_size)}, ignored);
    ProbeResult types;
    types.input_types = model.find_input_types()[0];
    decided = encode(types);
  });
  auto const input_types = decode(comm.broadcast(decided)).input_types;
  comm.agree([&] {
    model.set_input_types({input_types});
    decided = encode(run_block(config, inputs, model, device, input_types));
  });
  auto result = decode(comm.broadcast(decided));
  result.transforms = parse_transforms(config.transforms);
  return result;
}

} // namespace fod
