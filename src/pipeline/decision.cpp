#include "decision.hpp"

#include "fod/error.hpp"

#include <algorithm>

namespace fod {

ModeDecision::ModeDecision(Device const& device, std::int64_t batch_size, ModelProbe const& model)
    : epilogue_(device, {batch_size, model.inputs}), inputs_(model.inputs),
      tolerance_(model.tolerance) {}

EpilogueView ModeDecision::run(ModelOutput const& output, std::int64_t rows, OutputMode mode,
                               float tolerance) {
  epilogue_.add(0, output.values, {rows, inputs_, output.type, mode, tolerance}, output.stream);
  return epilogue_.finish(rows, output.stream).joined.mean;
}

std::vector<float> ModeDecision::values_of(ModelOutput const& output, std::int64_t rows) {
  // With this tolerance probabilities are copied as they are.
  auto const exact = probability_tolerance(ElementType::float32);
  auto const* values = run(output, rows, OutputMode::probs, exact).distributions;
  return {values, values + rows * inputs_};
}

void ModeDecision::look_at(ModelOutput const& output, IndexRange samples,
                           std::vector<std::int64_t> const& unreadable) {
  // Logits may be -inf (a class that is masked), which is no failure of the model.
  auto const logits = run(output, samples.size(), OutputMode::logits, tolerance_);
  std::vector<std::uint8_t> const as_logits(logits.flags, logits.flags + samples.size());
  auto const view = run(output, samples.size(), OutputMode::probs, tolerance_);
  for (std::int64_t row = 0; row < samples.size(); ++row) {
    auto const sample = samples.begin + row;
    if (std::binary_search(unreadable.begin(), unreadable.end(), sample)) {
      continue;
    }
    // Rows that are not finite say nothing about the mode; the loop names them.
    bool const nonfinite = (as_logits[static_cast<std::size_t>(row)] & row_nonfinite) != 0;
    nonfinite_ += nonfinite ? 1 : 0;
    if (!nonfinite && view.flags[row] != 0 && first_other_ < 0) {
      first_other_ = sample;
    }
    ++seen_;
  }
}

void ModeDecision::settle(OutputMode asked, ModelProbe& model) const {
  if (nonfinite_ == seen_ && seen_ > 0) {
    throw bad_input("the model returns nothing but NaN or infinity",
                    "for all " + std::to_string(seen_) + " samples of block 0",
                    "look at the weights and at the scale of the data");
  }
  if (seen_ == 0 && asked == OutputMode::automatic) {
    throw bad_input("nothing tells whether the model returns logits or probabilities",
                    "no sample of block 0 can be read", "say --output-mode logits or probs");
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
