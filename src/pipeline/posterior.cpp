#include "posterior.hpp"

#include "load.hpp"

#include "fod/error.hpp"
#include "fod/h5.hpp"
#include "fod/output_claim.hpp"
#include "fod/store.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>

namespace fod {

namespace {

/// A parameter's name as module, the part before the ending, and the ending.
struct Name {
  std::string module;
  std::string part; ///< "weight" of "weight_mu"; empty for "mu"
};

std::optional<Name> part_of(std::string const& name, std::string const& ending) {
  auto const dot = name.rfind('.');
  auto const module = dot == std::string::npos ? std::string() : name.substr(0, dot);
  auto own = dot == std::string::npos ? name : name.substr(dot + 1);
  if (!own.ends_with(ending)) {
    return std::nullopt;
  }
  own.resize(own.size() - ending.size());
  while (own.ends_with('_')) {
    own.pop_back();
  }
  return Name{module, own};
}

double softplus(double rho) {
  return std::max(rho, 0.0) + std::log1p(std::exp(-std::abs(rho)));
}

void write_array(h5::File& file, std::string const& path, Parameter const& like,
                 std::vector<double> const& values) {
  auto const shape = like.shape.empty() ? Shape{1} : like.shape;
  // HDF5 has no bfloat16; float32 holds it exactly.
  auto const type = like.type == ElementType::bfloat16 ? ElementType::float32 : like.type;
  file.create_dataset(path, type, shape).write({0, shape[0]}, ElementType::float64, values.data());
}

void write_file(std::string const& path, std::vector<PosteriorPair> const& pairs) {
  auto file = h5::File::create(path);
  for (auto const& pair : pairs) {
    std::vector<double> sigma;
    std::transform(pair.rho->values.begin(), pair.rho->values.end(), std::back_inserter(sigma),
                   softplus);
    write_array(file, "/" + pair.layer + "/mu", *pair.mu, pair.mu->values);
    write_array(file, "/" + pair.layer + "/rho", *pair.rho, pair.rho->values);
    write_array(file, "/" + pair.layer + "/sigma", *pair.rho, sigma);
  }
  file.close();
}

std::vector<PosteriorPair> pairs_of(Config const& config,
                                    std::vector<Parameter> const& parameters) {
  auto pairs = find_posterior_pairs(parameters);
  if (pairs.empty()) {
    throw bad_input("--posterior found no Bayesian layer in " + config.models[0],
                    parameters.empty() ? "it shows no parameters"
                                       : "no module has parameters named *mu and *rho",
                    "give a model whose layers hold such pairs (weight_mu and weight_rho)");
  }
  return pairs;
}

void check_whole(Config const& config, Model const& model) {
  if (model.model_count() != 1) {
    throw bad_input("--posterior takes one model",
                    std::to_string(model.model_count()) + " were given", "write one file for each");
  }
  store::check_output(config.posterior, {config.overwrite || config.resume, false});
  static_cast<void>(pairs_of(config, model.parameters(0)));
}

void write_whole(Config const& config, Model const& model) {
  auto const partial = store::partial_path(config.posterior);
  try {
    auto const parameters = model.parameters(0);
    write_file(partial, find_posterior_pairs(parameters));
    std::filesystem::rename(partial, config.posterior);
  } catch (std::exception const& error) {
    std::filesystem::remove(partial);
    throw run_failure("cannot write " + config.posterior, error.what(), "make room and try again");
  }
}

} // namespace

std::vector<PosteriorPair> find_posterior_pairs(std::vector<Parameter> const& parameters) {
  std::map<std::string, std::map<std::string, PosteriorPair>> modules; // by module, by part
  for (auto const& parameter : parameters) {
    if (auto const name = part_of(parameter.name, "mu")) {
      modules[name->module][name->part].mu = &parameter;
    } else if (auto const other = part_of(parameter.name, "rho")) {
      modules[other->module][other->part].rho = &parameter;
    }
  }
  std::vector<PosteriorPair> pairs;
  for (auto& [module, parts] : modules) {
    std::erase_if(parts, [](auto const& entry) {
      auto const& pair = entry.second;
      return pair.mu == nullptr || pair.rho == nullptr || pair.mu->shape != pair.rho->shape;
    });
    for (auto& [part, pair] : parts) {
      bool const only = parts.size() == 1 && !module.empty();
      auto const joint = module.empty() || part.empty() ? "" : ".";
      pair.layer = only ? module : module + joint + part;
      pair.layer = pair.layer.empty() ? "model" : pair.layer; // parameters of the model itself
      pairs.push_back(pair);
    }
  }
  return pairs;
}

void check_posterior(Config const& config, Model const& model, Comm const& comm) {
  comm.on_root([&] {
    if (!config.posterior.empty()) {
      check_whole(config, model);
    }
  });
}

void write_posterior(Config const& config, Model const& model, Comm const& comm) {
  comm.on_root([&] { write_whole(config, model); });
}

std::vector<LayerPosterior> posterior_of(Config const& asked, Given const& given) {
  auto const comm = Comm::alone();
  JobFacts facts;
  auto const model = load_models(asked, nullptr, find_machine(asked, comm), comm, facts, given);
  auto const parameters = model->parameters(0);
  std::vector<LayerPosterior> all;
  for (auto const& pair : pairs_of(asked, parameters)) {
    all.push_back({pair.layer, *pair.mu, *pair.rho});
  }
  return all;
}

} // namespace fod
