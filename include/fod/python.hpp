#pragma once

#include "fod/records.hpp"
#include "fod/transform.hpp"

#include <cstdint>
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

  /// Its positional parameters.
  [[nodiscard]] virtual Arity arity() const = 0;

  /// Parameters (and buffers) of an nn.Module by name, empty for other callables.
  [[nodiscard]] virtual std::vector<NamedArray> parameters(bool buffers) const = 0;

  /// Puts an nn.Module's dropout layers alone into train mode.
  /// @return how many; 0 if there are none or it is no nn.Module
  virtual int enable_dropout() = 0;

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
