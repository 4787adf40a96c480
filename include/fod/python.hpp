#pragma once

#include "fod/records.hpp"
#include "fod/transform.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Embedded Python, for `python:module:callable` as model, dataset or transform. It lives in a
/// shared library of its own, loaded when the first such door is asked for, so that a job without
/// one needs no Python. Errors carry the traceback. All calls are made by one thread.
namespace fod::python {

struct NamedArray {
  std::string name;
  Array array;
};

/// A submodule of an nn.Module, as named_modules() lists it.
struct NamedModule {
  std::string name;
  std::vector<std::string> aliases; ///< further names of the same object
  std::string type;                 ///< of its class, "Conv2d"
  std::string unseen;               ///< why its calls cannot be seen; empty if they can
};

/// Told of a submodule's call when that ends.
/// @param output first tensor of what it returned, row-major; null if there is none
/// @param problem why that tensor cannot be handed over; empty if it can
using ModuleCalled =
    std::function<void(std::size_t module, Array const* output, std::string const& problem)>;

/// What the interpreter must be for a job. Its torch, if anything imports it, must be the one that
/// this process has loaded; a model needs it for sure.
struct Requirements {
  std::string torch_version;  ///< of the linked LibTorch, "2.11.0"; empty: any
  std::string torch_library;  ///< path of the libtorch_cpu.so that is loaded; empty: any
  std::string device = "cpu"; ///< "cpu", "cuda:K" or "tpu"; set before JAX or others are imported
  int threads = 1;
};

/// A callable on a batch.
class Model {
public:
  virtual ~Model() = default;

  /// Calls it with torch tensors that view the inputs, without a copy; they stay alive as long as
  /// the callable keeps them. What it returns may be a torch tensor, whatever has `__dlpack__`, a
  /// TensorFlow tensor or a NumPy array. On the CPU or on a GPU, whatever the inputs are on.
  /// @param key dotted path through dicts, tuples and lists; empty takes the output itself
  /// @throws Error (usage) if that is no array, in the words of the other doors; (failed) with the
  ///         traceback in one line if Python raised; the text has "out of memory" if it was that
  virtual Array call(std::span<Array const> inputs, std::string const& key) = 0;

  /// Calls it, and does not look at what it returns.
  virtual void run(std::span<Array const> inputs) = 0;

  /// Its positional parameters.
  [[nodiscard]] virtual Arity arity() const = 0;

  /// Parameters (and buffers) of an nn.Module by name, empty for other callables.
  [[nodiscard]] virtual std::vector<NamedArray> parameters(bool buffers) const = 0;

  /// Puts an nn.Module's dropout layers alone into train mode.
  /// @return how many; 0 if there are none or it is no nn.Module
  virtual int enable_dropout() = 0;

  /// All submodules of an nn.Module but itself, in its order; empty for other callables.
  /// @throws Error (usage) if there are none, or it was scripted
  [[nodiscard]] virtual std::vector<NamedModule> submodules() const = 0;

  /// From now on `call` tells of the calls of these, by their indices in `submodules()`, and runs
  /// what torch.compile has compiled uncompiled, which has no hooks. None: of no calls.
  /// @param called must not throw
  virtual void watch(std::vector<std::size_t> const& modules, ModuleCalled called) = 0;

  /// "nn.Module" or "callable", for messages.
  [[nodiscard]] virtual std::string kind() const = 0;
};

/// A map-style dataset, a DataLoader's, or an iterable of known length.
class Dataset {
public:
  virtual ~Dataset() = default;

  /// One per array in a sample, named by its path: "x", "image.left", "0"; empty for the only one.
  /// The input of an (input, class index) sample is named as if it were alone. None if there are no
  /// samples.
  [[nodiscard]] virtual std::vector<FieldSpec> const& fields() const = 0;
  [[nodiscard]] virtual std::int64_t size() const = 0;
  /// The field that holds the class index of an (input, class index) sample, "1"; empty without.
  [[nodiscard]] virtual std::string const& label_field() const = 0;
  /// Copies samples `range` of a field. Samples that were read last are kept, so that further
  /// fields of the same range cost no second read.
  /// @throws Error (failed) naming samples with the traceback; "generated 960 distributions, but
  ///         dataset length is 1000." if an iterable ended early
  virtual void read(std::size_t field, IndexRange range, std::span<std::byte> out) = 0;
  /// Goes towards `sample`, for some `seconds` at most: an iterable that is read from its start has
  /// to pass all samples before. @return true once it can be read
  /// @throws as `read`
  virtual bool approach(std::int64_t sample, double seconds) = 0;
  /// What a user should know of how it is read; empty if nothing.
  [[nodiscard]] virtual std::string const& note() const = 0;
};

/// True for "python:…".
bool is_python(std::string_view spec);

/// @param spec "python:module:callable"; the working folder and PYTHONPATH are searched
/// @throws Error (usage) if Python, the module or the callable is missing, with the traceback, or
///         if the interpreter's torch is not the linked one
std::unique_ptr<Model> open_model(std::string const& spec, Requirements const& requirements);
std::unique_ptr<Dataset> open_dataset(std::string const& spec, Requirements const& requirements);
/// A callable on a batch of class distributions, a float32 NumPy array (n, K); it returns the new
/// ones, or None if it changed them in place.
std::unique_ptr<HostTransform> open_transform(std::string const& spec,
                                              Requirements const& requirements);

/// Version of the interpreter, once one was opened: "3.11.2"; else empty. For the provenance.
std::string interpreter_version();

} // namespace fod::python
