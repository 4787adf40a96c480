#include "decision.hpp"

#include "fod/error.hpp"

namespace fod {

ModeDecision::ModeDecision(Device const& device, std::int64_t batch_size, ModelProbe const& model)
    : epilogue_(device, {batch_size, model.inputs}), inputs_(model.inputs),
      tolerance_(model.tolerance) {}

EpilogueView ModeDecision::run(ModelOutput const& output, std::int64_t rows) {
  epilogue_.add(0, output.values, {rows, inputs_, output.type, OutputMode::probs, tolerance_},
                output.stream);
  return epilogue_.finish(rows, output.stream).joined.mean;
}

std::vector<float> ModeDecision::values_of(ModelOutput const& output, std::int64_t rows) {
  auto const* values = run(output, rows).distributions;
  return {values, values + rows * inputs_};
}

void ModeDecision::look_at(ModelOutput const& output, IndexRange samples) {
  auto const view = run(output, samples.size());
  for (std::int64_t row = 0; row < samples.size(); ++row) {
    // Rows that are not finite say nothing about the mode; the loop names them.
    nonfinite_ += (view.flags[row] & row_nonfinite) != 0 ? 1 : 0;
    if ((view.flags[row] & row_no_distribution) != 0 && first_other_ < 0) {
      first_other_ = samples.begin + row;
    }
  }
  seen_ += samples.size();
}

void ModeDecision::settle(OutputMode asked, ModelProbe& model) const {
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
  model.mode = asked;
  model.evidence = "asked for";
  if (asked == OutputMode::automatic) {
    model.mode = probabilities ? OutputMode::probs : OutputMode::logits;
    model.evidence = probabilities ? "all " + std::to_string(seen_ - nonfinite_) +
                                         " finite rows of block 0 are in [0, 1] and sum to 1"
                                   : "sample " + std::to_string(first_other_) +
                                         " is outside [0, 1] or does not sum to 1";
  }
}

} // namespace fod
