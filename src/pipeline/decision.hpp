#pragma once

#include "probe.hpp"

/// Inside of the pipeline: whether outputs are probabilities.
namespace fod {

/// Looks at a model's outputs of block 0 as if they were probabilities.
class ModeDecision {
public:
  ModeDecision(Device const& device, std::int64_t batch_size, ModelProbe const& model);

  /// @param unreadable samples of these whose input could not be read: they say nothing
  void look_at(ModelOutput const& output, IndexRange samples,
               std::vector<std::int64_t> const& unreadable);
  /// The values of an output's rows on the host, as float32.
  [[nodiscard]] std::vector<float> values_of(ModelOutput const& output, std::int64_t rows);
  /// Sets mode and evidence. @throws Error (usage) if they contradict what was asked for
  void settle(OutputMode asked, ModelProbe& model) const;

private:
  [[nodiscard]] EpilogueView run(ModelOutput const& output, std::int64_t rows, OutputMode mode,
                                 float tolerance);

  Epilogue epilogue_;
  std::int64_t inputs_;
  float tolerance_;
  std::int64_t seen_ = 0;
  std::int64_t nonfinite_ = 0;
  std::int64_t first_other_ = -1;
};

} // namespace fod
