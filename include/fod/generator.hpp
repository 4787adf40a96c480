#pragma once

#include "fod/callable.hpp"
#include "fod/comm.hpp"
#include "fod/distributions.hpp"
#include "fod/tensor_source.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// From a trained model and a dataset to the model's class distributions.
namespace fod {

/// How distributions are generated.
struct GeneratorOptions {
  std::string device = "auto";       ///< auto, cpu, cuda, cuda:K, gpu, gpu:K, tpu (of JAX alone)
  std::int64_t batch_size = 64;      ///< samples per forward; 0: found by trial
  std::string output_mode = "auto";  ///< auto, logits, probs, sigmoid
  OutputFunction output_transform{}; ///< takes the output instead of `output_mode`: it returns
                                     ///< probabilities
  InputGetter input_getter{};        ///< of samples of `torch::data` datasets; empty: their data
  std::optional<std::string> model_name{}; ///< is the metadata's first entry
  int threads = 0;                         ///< of each rank; 0: the cores bound to it
  std::int64_t seed = 0;                   ///< of what is random in the model
};

/// How a result file is written.
struct FileOptions {
  bool overwrite = false;          ///< replace an existing file
  bool resume = false;             ///< go on with what an earlier run left
  double checkpoint_interval = 60; ///< seconds
  std::vector<std::string> meta{}; ///< `k=v` or `k:=json`, in the file's order
};

/// Mean and softplus^-1 of the standard deviation of a Bayesian layer's parameter, float64.
struct Posterior {
  at::Tensor mu;
  at::Tensor rho;
};

/// Runs a classifier over datasets, in evaluation mode and without gradients, as `fod-generate`
/// does: the same distributions, bit for bit, for every number of ranks.
///
/// Errors are of class Error, its message one line: what is wrong, why, what to do. Functions that
/// take a Comm are collective, and throw on all ranks together; after an error while several ranks
/// write one file the ranks must leave by `Comm::abort`.
class FirstOrderDataGenerator {
public:
  /// @param model as `--model` of fod-generate names it: "m.pt", "m.pt2", "python:module:name",
  ///        "plugin:libx.so"
  explicit FirstOrderDataGenerator(std::string model, GeneratorOptions options = {});
  /// @throws Error (usage) if it is null
  explicit FirstOrderDataGenerator(std::shared_ptr<CallableModel> model,
                                   GeneratorOptions options = {});
  /// @param function maps a batch of inputs to logits or probabilities
  /// @throws Error (usage) if it is empty
  explicit FirstOrderDataGenerator(std::function<at::Tensor(at::Tensor const&)> function,
                                   GeneratorOptions options = {});

  /// The distributions of all samples, in memory; with several ranks those of this rank's samples,
  /// a contiguous run of them. Ids are the samples' indices.
  /// @param dataset what is called by index, or `sample_source` of a `torch::data` dataset
  /// @throws Error (usage) for what does not fit together, (failed) naming the samples at fault
  [[nodiscard]] Distributions generate_distributions(SampleSource const& dataset,
                                                     Comm const& comm = Comm::alone());
  /// @param dataset any map-style dataset of `torch::data`: it has `get(index)` and `size()`
  template <class Dataset>
  requires MapStyle<Dataset>
  [[nodiscard]] Distributions generate_distributions(Dataset& dataset,
                                                     Comm const& comm = Comm::alone()) {
    return generate_distributions(sample_source(dataset, options_.input_getter), comm);
  }
  /// @param data as `--data` of fod-generate names it: "x.npy", "x.h5:/path", …
  [[nodiscard]] Distributions generate_distributions(std::string const& data,
                                                     Comm const& comm = Comm::alone());

  /// The same into a result file, safe against the end of the program at any moment. One sample at
  /// a time is in memory beside the batches.
  /// @throws also Error (usage) if the output exists, (stopped) on a signal that is caught
  void generate_file(std::string const& out, SampleSource const& dataset,
                     FileOptions const& file = {}, Comm const& comm = Comm::alone());
  template <class Dataset>
  requires MapStyle<Dataset>
  void generate_file(std::string const& out, Dataset& dataset, FileOptions const& file = {},
                     Comm const& comm = Comm::alone()) {
    generate_file(out, sample_source(dataset, options_.input_getter), file, comm);
  }
  void generate_file(std::string const& out, std::string const& data, FileOptions const& file = {},
                     Comm const& comm = Comm::alone());

  [[nodiscard]] GeneratorOptions const& options() const { return options_; }

  /// Parameters named `*mu` and `*rho` of Bayesian layers, by layer.
  /// @throws Error (usage) if the model has none, or does not show its parameters
  [[nodiscard]] std::map<std::string, Posterior> get_posterior_distributions() const;

private:
  std::string spec_;
  std::shared_ptr<CallableModel> model_; ///< null: `spec_` names it
  GeneratorOptions options_;
};

/// The same as a function.
std::map<std::string, Posterior>
get_posterior_distributions(FirstOrderDataGenerator const& generator);

/// A generator for a model of one of the frameworks.
/// @param framework "pytorch" (any model), "jax" or "tensorflow" (`python:module:name`)
/// @throws Error (usage) for another one, naming these; or for a model that is none of it
FirstOrderDataGenerator create_data_generator(std::string const& framework, std::string model,
                                              GeneratorOptions options = {});

/// A model of `torch::nn` (a module holder such as `torch::nn::Sequential`, or a shared_ptr to a
/// module with `forward(Tensor)`), a `torch::jit::Module`, as a model to generate with.
template <class Module>
std::shared_ptr<CallableModel> callable(Module module);

} // namespace fod

#include "fod/callable_module.hpp" // IWYU pragma: keep
