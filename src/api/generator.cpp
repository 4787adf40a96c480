#include "fod/generator.hpp"

#include "fod/config.hpp"
#include "fod/error.hpp"
#include "fod/pipeline.hpp"
#include "fod/python.hpp"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cstdlib>

namespace fod {

namespace {

/// A function as a model.
class FunctionModel : public CallableModel {
public:
  explicit FunctionModel(std::function<at::Tensor(at::Tensor const&)> function)
      : function_(std::move(function)) {}
  at::Tensor forward(std::vector<at::Tensor> const& inputs) override {
    return function_(inputs[0]);
  }

private:
  std::function<at::Tensor(at::Tensor const&)> function_;
};

/// What fod-generate's main sets too, unless the user has.
void set_environment() {
  setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
}

void check(GeneratorOptions const& options) {
  static_cast<void>(parse_output_mode(options.output_mode));
  if (options.batch_size < 0 || options.threads < 0) {
    throw bad_input("batch size " + std::to_string(options.batch_size) + ", threads " +
                        std::to_string(options.threads),
                    "neither can be negative", "give 0 for what is to be found out");
  }
}

Config config_of(std::string const& spec, GeneratorOptions const& options) {
  Config config;
  config.models = {spec};
  config.device = options.device;
  config.batch_size = options.batch_size;
  config.output_mode = parse_output_mode(options.output_mode);
  if (options.output_transform) {
    config.output_mode = OutputMode::probs;
  }
  config.model_name = options.model_name;
  config.threads = options.threads;
  config.seed = options.seed;
  config.quiet = true;
  config.progress = false;
  return config;
}

Config with_file(Config config, std::string const& out, FileOptions const& file) {
  if (out.empty()) {
    throw bad_input("there is no name for the result", "the path is empty", "give one, R.h5");
  }
  config.out = out;
  config.overwrite = file.overwrite;
  config.resume = file.resume;
  config.checkpoint_interval = file.checkpoint_interval;
  config.meta = file.meta;
  return config;
}

Distributions rows_of(CollectedRows const& rows, GeneratorOptions const& options) {
  Distributions all(rows.classes);
  all.reserve(std::ssize(rows.ids));
  auto const width = static_cast<std::size_t>(rows.classes);
  for (std::size_t i = 0; i < rows.ids.size(); ++i) {
    all.add(rows.ids[i], std::span(rows.distributions).subspan(i * width, width));
  }
  if (options.model_name) {
    all.set_model_name(*options.model_name);
  }
  return all;
}

Given given_of(std::shared_ptr<CallableModel> const& model, GeneratorOptions const& options) {
  Given given;
  if (model || options.output_transform) {
    given.model = std::make_shared<InProcess const>(InProcess{model, options.output_transform});
  }
  return given;
}

/// Puts a dataset of the program in the place of `--data`. Collective.
void take(SampleSource const& dataset, Config& config, Given& given, Comm const& comm) {
  comm.agree([&] {
    given.data = input_source(dataset);
    given.labels = label_source(dataset);
  });
  config.data = {"in memory"};
}

at::Tensor tensor_of(Parameter const& parameter) {
  return at::tensor(parameter.values, at::kDouble).reshape(parameter.shape);
}

} // namespace

FirstOrderDataGenerator::FirstOrderDataGenerator(std::string model, GeneratorOptions options)
    : spec_(std::move(model)), options_(std::move(options)) {
  set_environment();
  check(options_);
}

FirstOrderDataGenerator::FirstOrderDataGenerator(std::shared_ptr<CallableModel> model,
                                                 GeneratorOptions options)
    : FirstOrderDataGenerator{options.model_name.value_or("callable"), std::move(options)} {
  if (!model) {
    throw bad_input("there is no model", "the pointer is null", "give a model");
  }
  model_ = std::move(model);
}

FirstOrderDataGenerator::FirstOrderDataGenerator(
    std::function<at::Tensor(at::Tensor const&)> function, GeneratorOptions options)
    : FirstOrderDataGenerator(function ? std::make_shared<FunctionModel>(std::move(function))
                                       : nullptr,
                              std::move(options)) {}

Distributions FirstOrderDataGenerator::generate_distributions(SampleSource const& dataset,
                                                              Comm const& comm) {
  auto config = config_of(spec_, options_);
  auto given = given_of(model_, options_);
  take(dataset, config, given, comm);
  return rows_of(collect_rows(config, comm, given), options_);
}

Distributions FirstOrderDataGenerator::generate_distributions(std::string const& data,
                                                              Comm const& comm) {
  auto config = config_of(spec_, options_);
  config.data = {data};
  return rows_of(collect_rows(config, comm, given_of(model_, options_)), options_);
}

void FirstOrderDataGenerator::generate_file(std::string const& out, SampleSource const& dataset,
                                            FileOptions const& file, Comm const& comm) {
  auto config = with_file(config_of(spec_, options_), out, file);
  auto given = given_of(model_, options_);
  take(dataset, config, given, comm);
  run_job(config, comm, given);
}

void FirstOrderDataGenerator::generate_file(std::string const& out, std::string const& data,
                                            FileOptions const& file, Comm const& comm) {
  auto config = with_file(config_of(spec_, options_), out, file);
  config.data = {data};
  run_job(config, comm, given_of(model_, options_));
}

std::map<std::string, Posterior> FirstOrderDataGenerator::get_posterior_distributions() const {
  std::map<std::string, Posterior> all;
  for (auto const& layer : posterior_of(config_of(spec_, options_), given_of(model_, options_))) {
    all[layer.name] = {tensor_of(layer.mu), tensor_of(layer.rho)};
  }
  return all;
}

std::map<std::string, Posterior>
get_posterior_distributions(FirstOrderDataGenerator const& generator) {
  return generator.get_posterior_distributions();
}

FirstOrderDataGenerator create_data_generator(std::string const& framework, std::string model,
                                              GeneratorOptions options) {
  std::vector<std::string> const known{"pytorch", "jax", "tensorflow"};
  if (std::find(known.begin(), known.end(), framework) == known.end()) {
    auto const near = nearest_name(framework, known);
    throw bad_input("unknown framework '" + framework + "'",
                    "there are pytorch, jax and tensorflow",
                    near.empty() ? "name one of these" : "did you mean '" + near + "'?");
  }
  if (framework != "pytorch" && !python::is_python(model)) {
    throw bad_input("the model " + model + " is none of " + framework,
                    "such models are called through Python", "name a callable, python:module:name");
  }
  return FirstOrderDataGenerator(std::move(model), std::move(options));
}

} // namespace fod
