#pragma once

#include "inputs.hpp"

#include "fod/comm.hpp"
#include "fod/kernels.hpp"

/// Inside of the pipeline: what one run of block 0 settles for the whole job.
namespace fod {

struct ProbeResult {
  std::int64_t inputs = 0; ///< values per row of the model's output
  OutputMode mode = OutputMode::logits;
  ElementType output_type = ElementType::float32;
  std::vector<ElementType> input_types; ///< that each field is given to the model as
  std::string evidence;                 ///< why the mode is what it is
  TransformChain transforms{};          ///< of --transform

  [[nodiscard]] EpilogueSpec epilogue(std::int64_t rows) const {
    return {rows, inputs, output_type, mode, probability_tolerance(output_type), transforms};
  }
  [[nodiscard]] std::int64_t classes() const { return epilogue(0).classes(); }
};

/// Values per row of an output. @throws Error (usage) for a shape that is no (B, K)
std::int64_t check_output(ModelOutput const& output, std::int64_t batch_size, OutputMode mode);

/// Runs block 0 of the dataset (not empty) on every rank, which warms up JIT and libraries the
/// same way everywhere; rank 0 decides. Collective. @throws AgreedError
ProbeResult probe(Config const& config, Inputs const& inputs, Model& model, Comm const& comm,
                  Device const& device);

} // namespace fod
