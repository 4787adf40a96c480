#pragma once

#include "layer_moments.hpp"

#include "fod/comm.hpp"
#include "fod/epilogue.hpp"

/// Inside of the pipeline: what one run of block 0 settles for the whole job.
namespace fod {

/// What one model returns.
struct ModelProbe {
  std::int64_t inputs = 0; ///< values per row of the model's output
  OutputMode mode = OutputMode::logits;
  ElementType output_type = ElementType::float32;
  InputTypes input_types; ///< that each field is given to the model as
  std::string evidence;   ///< why the mode is what it is
  float tolerance = 1e-4F;

  [[nodiscard]] EpilogueSpec epilogue(std::int64_t rows) const {
    return {rows, inputs, output_type, mode, tolerance, transforms};
  }
  TransformChain transforms{}; ///< the built-in steps that run with the softmax
};

struct ProbeResult {
  std::vector<ModelProbe> models;
  std::vector<MomentScale> scales; ///< by layer that is looked at
  std::string data_hash;           ///< of the data of block 0; empty without samples

  [[nodiscard]] std::int64_t classes() const {
    return models.empty() ? 0 : models[0].epilogue(0).classes();
  }
  /// "logits"; of several models that differ "logits, probs".
  [[nodiscard]] std::string mode_text() const;
  [[nodiscard]] std::string evidence_text() const;
};

/// Values per row of an output. @throws Error (usage) for a shape that is no (B, K)
std::int64_t check_output(ModelOutput const& output, std::int64_t batch_size, OutputMode mode);

/// Finds on rank 0 in which types the models take their inputs, and sets them on all. The dataset
/// is not empty. Collective. @throws AgreedError
std::vector<InputTypes> settle_input_types(Config const& config, Inputs const& inputs, Model& model,
                                           Comm const& comm);

/// Fills the inputs with the first batch of the dataset, which is not empty.
void load_first_batch(Config const& config, Inputs const& inputs, Model& model);

/// Runs block 0 of the dataset (not empty) on every rank, which warms up JIT and libraries the
/// same way everywhere; rank 0 decides, for each model on its own. Collective. @throws AgreedError
/// @param watch the layers that are looked at; may be null
ProbeResult probe(Config const& config, Inputs const& inputs, Model& model,
                  std::vector<InputTypes> const& input_types, LayerWatch* watch, Comm const& comm,
                  Device const& device);

} // namespace fod
