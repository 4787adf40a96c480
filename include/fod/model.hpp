#pragma once

#include "fod/config.hpp"
#include "fod/device.hpp"
#include "fod/layers.hpp"
#include "fod/python.hpp"
#include "fod/records.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fod {

/// What a model returned for one batch. Valid until the next `forward` of the same member.
struct ModelOutput {
  void const* values = nullptr; ///< contiguous, where the model runs
  ElementType type = ElementType::float32;
  Shape shape;
  StreamView stream;                 ///< on which the values are computed
  std::shared_ptr<void const> owner; ///< keeps the values alive
};

struct InProcess; // callable.hpp, which knows Torch
/// True if the model itself is an object of this process; of null it is not.
bool has_model(std::shared_ptr<InProcess const> const& in_process);

/// One value of --model, and the file's content, which rank 0 read for all.
struct ModelSource {
  std::string spec;
  std::string bytes;                             ///< empty for `python:` and `plugin:`
  std::shared_ptr<InProcess const> in_process{}; ///< null: the model is all that `spec` says
};

/// A number that a model takes beside its inputs, such as a sampling rate.
using ConstantArgument = Arguments::Constant;

/// Everything that a model, or an ensemble of them, is made from.
struct ModelOptions {
  std::vector<ModelSource> sources;
  Device device;
  int threads = 1;
  std::vector<FieldSpec> fields;           ///< inputs, in the order of the model's arguments
  std::vector<ConstantArgument> constants; ///< in the order of their positions
  std::vector<Normalization> normalizations;
  std::int64_t batch_size = 64;
  std::string output_key; ///< of --output
  Precision precision = Precision::fp32;
  std::int64_t dropout_passes = 0; ///< of --mc-dropout; 0: dropout stays off
  std::int64_t seed = 0;           ///< of the dropout passes
  bool output_ignored = false;     ///< it may be anything; `forward` gives none
  bool parameters_only = false;    ///< there is no data: only `parameters` is asked for
};

/// A parameter of a model, its values on the host as float64.
struct Parameter {
  std::string name;
  ElementType type = ElementType::float32;
  Shape shape;
  std::vector<double> values;
};

/// Batches whose inputs a GPU holds: one that it computes, one that comes.
inline constexpr std::int64_t batches_on_gpu = 2;

/// The types in which one model takes the inputs.
using InputTypes = std::vector<ElementType>;

/// One or several trained models on this rank's device, for batches of one size. Its members are
/// its models, each as often as there are dropout passes. The caller fills the inputs, calls
/// `begin_batch`, then `forward` for every member; no input memory is allocated in the loop.
class Model {
public:
  /// @throws Error (usage) if a file cannot be loaded, takes another number of inputs, or cannot do
  ///         what the options ask for
  explicit Model(ModelOptions const& options);
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  Model(Model const&) = delete;
  Model& operator=(Model const&) = delete;
  ~Model();

  [[nodiscard]] std::size_t model_count() const;
  [[nodiscard]] std::size_t member_count() const;
  /// Model that a member is a pass of. Members of one model follow one another.
  [[nodiscard]] std::size_t model_of(std::size_t member) const;

  /// Changes the size of the batches. What is in the inputs is lost.
  void set_batch_size(std::int64_t batch_size);
  [[nodiscard]] std::int64_t batch_size() const;

  /// Makes room for the inputs of so many batches, which are filled ahead. There is one slot at
  /// first, and again after `set_batch_size`; those that are there stay.
  void set_input_slots(std::size_t count);
  /// Memory of an input field for a batch, in the field's own type.
  [[nodiscard]] std::span<std::byte> input(std::size_t field, std::size_t slot = 0);

  /// Finds by trial which type each input is given to each model as: integers become the model's
  /// floating point type if it takes that, else they stay. The inputs hold a real batch.
  /// @throws Error (usage) if a model takes the batch in no form, with the shapes of both
  [[nodiscard]] std::vector<InputTypes> find_input_types();
  void set_input_types(std::vector<InputTypes> const& types);

  /// Takes what a slot of the inputs holds as a new batch. The slot may be filled anew once all
  /// members ran on the CPU, or once their outputs are there on a GPU.
  /// @param first_sample global index: with it and the seed a dropout pass draws the same numbers
  ///        on whichever rank it runs
  void begin_batch(std::int64_t first_sample, std::size_t slot = 0);

  /// Runs a member on the batch. Out of memory, it goes on with a smaller `micro_batch` for good.
  /// @throws Error (failed) with the framework's text; (usage) if the output is no tensor
  [[nodiscard]] ModelOutput forward(std::size_t member);

  /// All layers of a model in the order in which they run; then those that do not run, with the
  /// reason. The inputs hold a batch, and the input types are set. Two forwards: of the batch, and
  /// of one sample less (of two for one), which tells which extent is the batch.
  /// @throws Error (usage) if its layers cannot be seen: plugins, plain callables, frozen models
  [[nodiscard]] std::vector<Layer> find_layers(std::size_t model);

  /// From now on each forward of model 0 hands the outputs of these layers to the sink. None: as if
  /// there had never been any. A forward throws Error (failed) if one of them does not run, or more
  /// often than when it was found.
  /// @param layers some that `find_layers` of the same model gave, on any rank
  /// @throws Error (usage) if one cannot be tapped
  void set_taps(std::vector<Layer> const& layers, TapSink sink);

  /// True if the next batch may begin before the outputs of the last one are there: on a GPU, if
  /// all that the models do is queued on the stream of their outputs.
  [[nodiscard]] bool runs_ahead() const;

  /// Samples that go through a model at once: the batch size, or less after memory ran out.
  [[nodiscard]] std::int64_t micro_batch() const;

  /// Bytes of parameters and buffers of all models that show them.
  [[nodiscard]] std::int64_t parameter_bytes() const;
  /// Parameters of a model, such as a Bayesian layer's `weight_mu`. Empty if it does not show any.
  [[nodiscard]] std::vector<Parameter> parameters(std::size_t model) const;
  /// "torchscript", for the provenance.
  [[nodiscard]] std::string kind(std::size_t model) const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Kind of a model by its --model value: "torchscript", "aoti", "python", "plugin".
/// @param bytes the file's content; empty for the last two
/// @throws Error (usage) for what is none, a pickled checkpoint for example, with the way to
///         export it
std::string model_kind(std::string const& spec, std::string const& bytes);
/// True if --model names a file, which has to be read.
bool is_model_file(std::string const& spec);

/// What an embedded Python must be to share this process with the framework.
python::Requirements python_requirements(Device const& device, int threads);

/// Version of the framework that runs the models, "2.11.0".
std::string framework_version();

} // namespace fod
