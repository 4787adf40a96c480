#include "fod/neuron_groups.hpp"

#include "found_groups.hpp"

#include "fod/error.hpp"
#include "fod/layer_report.hpp"
#include "fod/moment_accumulator.hpp"
#include "fod/workers.hpp"

#include <algorithm>
#include <cmath>

namespace fod {

namespace {

constexpr std::int64_t batch_rows = 64;

void require_sane(ActivationsView const& given, groups::Options const& options) {
  if (given.samples < least_samples) {
    throw bad_input("groups of neurons need 3 samples at least",
                    "there are " + std::to_string(given.samples), "give more");
  }
  if (given.neurons < 1 || std::ssize(given.values) != given.samples * given.neurons) {
    throw bad_input("the activations have " + std::to_string(given.values.size()) + " values",
                    std::to_string(given.samples) + " samples of " + std::to_string(given.neurons) +
                        " neurons take " + std::to_string(given.samples * given.neurons),
                    "give (samples, neurons), row-major");
  }
  auto const bad = std::ranges::find_if_not(given.values, [](float v) { return std::isfinite(v); });
  if (bad != given.values.end()) {
    auto const at = bad - given.values.begin();
    throw bad_input("sample " + std::to_string(at / given.neurons) +
                        " has an activation that is not finite",
                    "neuron " + std::to_string(at % given.neurons), "leave such samples out");
  }
  if (!(options.threshold > 0 && options.threshold <= 1)) {
    throw bad_input("the threshold is " + std::to_string(options.threshold), "",
                    "give a number above 0, 1 at most");
  }
  if (options.group_count < 0 || options.group_count > given.neurons) {
    throw bad_input(std::to_string(options.group_count) + " groups of " +
                        std::to_string(given.neurons) + " neurons",
                    "", "ask for fewer, or for 0: as many as are found");
  }
}

/// Sums over all samples, block by block.
Moments moments_of(ActivationsView const& given, int threads) {
  BlockGrid const grid(given.samples, batch_rows);
  auto const row = [&](std::int64_t at) {
    return given.values.subspan(static_cast<std::size_t>(at * given.neurons));
  };
  auto const first = grid.samples_of(0);
  auto scale = find_scale(row(0), first.size(), given.neurons, grid);
  MomentAccumulator sums(Device{}, {given.neurons, 0, 0, grid.block_size(), grid.block_count()},
                         std::move(scale), threads);
  for (std::int64_t block = 0; block < grid.block_count(); ++block) {
    auto const samples = grid.samples_of(block);
    std::copy_n(row(samples.begin).data(), samples.size() * given.neurons, sums.batch());
    sums.append(samples.size(), {}, {});
    sums.end_block(block, {});
  }
  return sums.take({});
}

groups::Method method_of(std::string const& name) {
  std::vector<std::string> known;
  for (auto const method : {groups::Method::correlation_clustering, groups::Method::kmeans,
                            groups::Method::hierarchical}) {
    known.emplace_back(groups::name_of(method));
    if (known.back() == name) {
      return method;
    }
  }
  auto const near = nearest_name(name, known);
  throw bad_input("unknown method '" + name + "'",
                  "there are correlation_clustering, kmeans and hierarchical",
                  near.empty() ? "name one of these" : "did you mean '" + near + "'?");
}

} // namespace

NeuronGroups identify_neuron_groups(ActivationsView const& activations,
                                    groups::Options const& options, int threads) {
  require_sane(activations, options);
  int const used = threads > 0 ? threads : usable_cores();
  AnalysisRequest request;
  request.options = options;
  request.threads = used;
  store::LayerSums sums;
  sums.layer = activations.layer;
  sums.moments = moments_of(activations, used);
  return to_neuron_groups(groups_of(sums, request));
}

NeuronGroups identify_neuron_groups(ActivationsView const& activations, std::string const& method,
                                    groups::Options options, int threads) {
  options.method = method_of(method);
  return identify_neuron_groups(activations, options, threads);
}

} // namespace fod
