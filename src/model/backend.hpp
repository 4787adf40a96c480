#pragma once

#include "torch_support.hpp"

#include "fod/callable.hpp"

#include <ATen/core/ivalue.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// Inside of the model module: what differs between the kinds of model, one file each.
namespace fod {

/// A submodule of a model, as named_modules() lists it; never the model itself.
struct Submodule {
  std::string name;                 ///< "layer1.0.conv1"
  std::vector<std::string> aliases; ///< further names of the same object
  std::string type;                 ///< "Conv2d"; empty if it is not known
  std::string unseen;               ///< why its calls cannot be seen; empty if they can
};

/// The first tensor of what a submodule's call returned.
struct LayerOutput {
  torch::Tensor tensor; ///< undefined if it holds none
  std::string problem;  ///< why it could not be handed over; empty if it could
};

/// Told of a submodule's call when that ends. It does not throw.
using LayerCalled = std::function<void(std::size_t submodule, LayerOutput const& output)>;

/// One loaded model that is called on tensors of this rank's device.
class Backend {
public:
  virtual ~Backend() = default;

  /// One forward. @throws whatever the framework throws; Error (usage) for a wrong kind of output
  virtual c10::IValue call(std::vector<torch::Tensor> inputs) = 0;

  /// True if `call` has applied --output itself, since it knows more than tensors.
  [[nodiscard]] virtual bool selects_output() const { return false; }

  [[nodiscard]] virtual Arity arity() const = 0;

  /// What it calculates in: inputs are offered as that type first.
  [[nodiscard]] virtual ElementType floating_type() const { return ElementType::float32; }

  /// Parameters, and buffers if asked, by name; empty where they cannot be seen.
  using Tensors = std::vector<std::pair<std::string, torch::Tensor>>;
  [[nodiscard]] virtual Tensors tensors(bool buffers) const = 0;

  /// @throws Error (usage) if they cannot be seen
  [[nodiscard]] virtual std::vector<Submodule> submodules() const = 0;

  /// From now on `call` tells of the calls of these, by their indices in `submodules()`; of none as
  /// if it had never been asked to.
  virtual void watch(std::vector<std::size_t> const& submodules, LayerCalled called) = 0;

  /// Puts dropout layers alone into train mode.
  /// @return empty, or why it cannot: "it was traced, which …"
  virtual std::string enable_dropout() = 0;

  /// Runs the forward in that precision. @return empty, or why it cannot
  virtual std::string set_precision(Precision precision) = 0;

  /// True if all of a call is queued on Torch's stream of this thread. Other work may still read
  /// the inputs, or write the output, that Torch believes to be free.
  [[nodiscard]] virtual bool keeps_to_stream() const { return true; }

  /// Framework and kind for the provenance: "torchscript".
  [[nodiscard]] virtual std::string kind() const = 0;
};

/// What a backend is made from. `bytes` is the file's content, empty for `python:` and `plugin:`.
struct BackendOptions {
  std::string spec;
  std::string const& bytes;
  Device device;
  int threads = 1;
  std::string output_key;
  std::vector<ConstantArgument> constants;
  bool output_ignored = false; ///< only layers are looked at
  std::shared_ptr<InProcess const> in_process{};
};

std::unique_ptr<Backend> load_torchscript(BackendOptions const& options);
std::unique_ptr<Backend> load_aoti(BackendOptions const& options);
std::unique_ptr<Backend> load_plugin(BackendOptions const& options);
std::unique_ptr<Backend> load_python(BackendOptions const& options);
/// Of `options.in_process`, whose model is there.
std::unique_ptr<Backend> load_callable(BackendOptions const& options);

} // namespace fod
