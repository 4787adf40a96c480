#pragma once

#include "fod/config.hpp"
#include "fod/device.hpp"
#include "fod/records.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fod {

/// What a model returned for one batch. Valid until the next `forward`.
struct ModelOutput {
  void const* values = nullptr; ///< contiguous, where the model runs
  ElementType type = ElementType::float32;
  Shape shape;
  StreamView stream;                 ///< on which the values are computed
  std::shared_ptr<void const> owner; ///< keeps the values alive
};

/// Everything that a model is made from.
struct ModelOptions {
  std::string spec;  ///< value of --model, for messages
  std::string bytes; ///< the file's content, which rank 0 read for all
  Device device;
  int threads = 1;
  std::vector<FieldSpec> fields; ///< inputs, in the order of the model's arguments
  std::vector<Normalization> normalizations;
  std::int64_t batch_size = 64;
  std::string output_key; ///< of --output
};

/// A trained model on this rank's device, for batches of one size. The caller fills the inputs and
/// calls `forward`; nothing is allocated for inputs in the loop.
class Model {
public:
  virtual ~Model() = default;

  /// Memory of an input field for `batch_size` samples, in the field's own type, to be filled
  /// before each `forward`.
  [[nodiscard]] virtual std::span<std::byte> input(std::size_t field) = 0;

  /// Finds by trial which type each input is given to the model as: integers become the model's
  /// floating point type if it takes that, else they stay. The inputs hold a real batch.
  /// @throws Error (usage) if the model takes the batch in no form, with the shapes of both
  [[nodiscard]] virtual std::vector<ElementType> find_input_types() = 0;
  virtual void set_input_types(std::vector<ElementType> const& types) = 0;

  /// @throws Error (failed) with the framework's text; (usage) if the output is no tensor
  [[nodiscard]] virtual ModelOutput forward() = 0;

  /// Bytes of parameters and buffers.
  [[nodiscard]] virtual std::int64_t parameter_bytes() const = 0;
};

/// Kind of a model by its --model value: "torchscript". @throws Error (usage) for what is none,
/// a pickled checkpoint for example, with the way to export it.
std::string model_kind(std::string const& spec, std::string const& bytes);

/// @throws Error (usage) if the file cannot be loaded or takes another number of inputs
std::unique_ptr<Model> load_model(ModelOptions const& options);

/// Version of the framework that runs the models, "2.11.0".
std::string framework_version();

} // namespace fod
