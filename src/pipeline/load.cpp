#include "load.hpp"

#include "fod/error.hpp"
#include "fod/plugin.hpp"
#include "fod/python.hpp"
#include "fod/sha256.hpp"

#include <algorithm>

namespace fod {

namespace {

/// Constant arguments with their places after --concat, which makes one input of several.
std::vector<ConstantArgument> constants_of(Config const& config) {
  auto constants = parse_arguments(config.inputs).constants;
  for (auto& constant : constants) {
    std::size_t joined = 0; // of the inputs before it
    for (std::size_t i = 0; i < constant.position; ++i) {
      auto const& words = config.joined;
      joined += std::find(words.begin(), words.end(), config.inputs[i]) != words.end() ? 1 : 0;
    }
    constant.position -= joined > 0 ? joined - 1 : 0;
  }
  return constants;
}

/// Checksum of a model without a file: its name and its parameters.
std::string parameter_hash(std::string const& spec, std::vector<Parameter> const& parameters) {
  Checksum checksum;
  checksum.update(spec.data(), spec.size());
  for (auto const& parameter : parameters) {
    checksum.update(parameter.name.data(), parameter.name.size());
    checksum.update(parameter.values.data(), parameter.values.size() * sizeof(double));
  }
  return checksum_text(checksum.digest());
}

/// Of the bytes that are loaded, so that nothing can change in between.
/// @param wanted digest of --model-sha256; empty for any
void require_digest(std::string const& spec, std::string const& bytes, std::string const& wanted) {
  if (wanted.empty()) {
    return;
  }
  if (auto const found = sha256_of(bytes); found != wanted) {
    throw bad_input("the model " + spec + " is not the one that --model-sha256 names",
                    "its SHA-256 is " + found + ", not " + wanted,
                    "give the model that was meant, or its digest as `sha256sum` prints it");
  }
}

/// The file that a model is, or begins with; nothing for Python code.
std::string file_of(std::string const& spec) {
  if (plugin::is_plugin(spec)) {
    return read_file(plugin::library_path(spec));
  }
  return is_model_file(spec) ? read_file(spec) : std::string();
}

} // namespace

std::unique_ptr<Model> load_models(Config const& config, Inputs const* inputs,
                                   Machine const& machine, Comm const& comm, JobFacts& facts,
                                   Given const& given) {
  ModelOptions options;
  for (std::size_t i = 0; i < config.models.size(); ++i) {
    auto const& spec = config.models[i];
    std::string bytes;
    std::string hash;
    std::string kind = "callable";
    bool const is_object = has_model(given.model);
    comm.on_root([&] {
      if (is_object) {
        return;
      }
      bytes = file_of(spec);
      hash = checksum_text(checksum_of(bytes));
      if (!config.model_digests.empty()) {
        require_digest(spec, bytes, config.model_digests[i]);
      }
      if (!is_model_file(spec)) { // a plugin is loaded from its path
        bytes.clear();
      }
      kind = model_kind(spec, bytes);
    });
    options.sources.push_back({spec, comm.broadcast(std::move(bytes)), given.model});
    facts.model_hashes.push_back(comm.broadcast(hash));
    facts.model_kinds.push_back(comm.broadcast(kind));
  }
  options.device = machine.device;
  options.threads = machine.threads;
  options.batch_size = std::max<std::int64_t>(1, config.batch_size);
  options.output_key = config.output_key;
  options.precision = config.precision;
  options.dropout_passes = config.dropout_passes;
  options.seed = config.seed;
  options.output_ignored = !config.distributions;
  options.parameters_only = inputs == nullptr;
  std::unique_ptr<Model> model;
  comm.agree([&] {
    if (inputs != nullptr) {
      options.fields = inputs->dataset.fields();
      options.constants = constants_of(config);
      for (auto const& text : config.normalize) {
        options.normalizations.push_back(parse_normalization(text));
      }
    }
    model = std::make_unique<Model>(options);
  });
  for (std::size_t i = 0; i < config.models.size(); ++i) {
    if (python::is_python(config.models[i]) || has_model(given.model)) {
      facts.model_hashes[i] = parameter_hash(config.models[i], model->parameters(i));
    }
  }
  return model;
}

std::shared_ptr<HostTransform> open_own_step(std::string const& spec, Machine const& machine) {
  if (python::is_python(spec)) {
    return python::open_transform(spec, python_requirements(machine.device, machine.threads));
  }
  return plugin::open_transform(spec);
}

} // namespace fod
