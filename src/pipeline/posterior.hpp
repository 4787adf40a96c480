#pragma once

#include "fod/comm.hpp"
#include "fod/config.hpp"
#include "fod/model.hpp"

/// Inside of the pipeline: the weights' posterior of Bayesian layers.
namespace fod {

/// Mean and rho of a normal distribution over the weights of one layer.
struct PosteriorPair {
  std::string layer; ///< path of the module, "encoder.fc1"; with several pairs "encoder.fc1.weight"
  Parameter const* mu = nullptr;
  Parameter const* rho = nullptr;
};

/// The pairs of parameters `*mu` and `*rho` that a module holds, by the rest of their names.
std::vector<PosteriorPair> find_posterior_pairs(std::vector<Parameter> const& parameters);

/// Refuses what `write_posterior` could not do; nothing without --posterior. Collective.
/// @throws AgreedError if there is no pair, several models, or the file without --overwrite
void check_posterior(Config const& config, Model const& model, Comm const& comm);

/// Writes /<layer>/{mu,rho,sigma} for every pair, sigma = softplus(rho) = ln(1 + exp(rho))
/// (Blundell et al., "Weight Uncertainty in Neural Networks", 2015, section 3.2). On rank 0 alone,
/// under another name until it is whole; collective.
/// @throws AgreedError if it cannot be written
void write_posterior(Config const& config, Model const& model, Comm const& comm);

} // namespace fod
