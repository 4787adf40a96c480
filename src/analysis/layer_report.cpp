#include "fod/layer_report.hpp"

#include "fod/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>

namespace fod {

namespace {

/// Of a layer that too few samples reached.
store::LayerGroups nothing_known(Moments const& moments, AnalysisRequest const& request) {
  constexpr auto unknown = std::numeric_limits<double>::quiet_NaN();
  store::LayerGroups layer;
  layer.method = request.legacy ? "legacy" : std::string(name_of(request.options.method));
  layer.threshold = unknown;
  layer.chance_bound = unknown;
  layer.stability = unknown;
  layer.samples = moments.count();
  layer.dead.resize(static_cast<std::size_t>(moments.neurons));
  std::iota(layer.dead.begin(), layer.dead.end(), std::int64_t{0});
  layer.neuron_mean.assign(layer.dead.size(), unknown);
  layer.neuron_std.assign(layer.dead.size(), unknown);
  return layer;
}

std::string decimal(double value) {
  if (std::isnan(value)) {
    return "unknown";
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

} // namespace

AnalysisRequest analysis_request(LayerRequest const& asked, int threads) {
  AnalysisRequest request;
  request.options = asked.options;
  request.auto_threshold = asked.auto_threshold;
  request.legacy = asked.legacy;
  request.threads = threads;
  return request;
}

store::LayerGroups groups_of(store::LayerSums const& sums, AnalysisRequest const& request) {
  auto own = request;
  own.error_known = sums.moments.appended == 3 && sums.unlabelled == 0;
  own.class_by = sums.class_by;
  auto layer = sums.moments.count() < least_samples ? nothing_known(sums.moments, own)
                                                    : analyse(sums.moments, own);
  layer.layer = sums.layer;
  layer.type = sums.type;
  layer.index = sums.index;
  layer.pooling = sums.pooling;
  return layer;
}

void number_groups(std::vector<store::LayerGroups>& layers) {
  std::int64_t id = 0;
  for (auto& layer : layers) {
    layer.first_group_id = id;
    id += std::ssize(layer.groups);
  }
}

std::vector<std::string> notes_on(std::span<store::LayerSums const> sums) {
  std::vector<std::string> notes;
  for (auto const& layer : sums) {
    auto const name = "layer " + layer.layer;
    if (layer.moments.count() < least_samples) {
      notes.push_back(name + ": " + counted(layer.moments.count(), "sample") +
                      " with finite activations, too few for groups");
    } else if (!has_halves(layer.moments)) {
      notes.push_back(name + ": stability is unknown, since even or odd blocks have too few "
                             "samples (a smaller --batch-size gives more blocks)");
    }
  }
  for (auto const& layer : sums) {
    if (layer.left_out > 0) {
      notes.push_back("layer " + layer.layer + ": " + counted(layer.left_out, "sample") +
                      " left out, whose activations are not finite");
    }
  }
  if (!sums.empty() && sums[0].unlabelled > 0) {
    notes.push_back(counted(sums[0].unlabelled, "sample") +
                    " without a label: groups have no correlation with the error");
  }
  return notes;
}

std::vector<std::string> summary_of(std::vector<store::LayerGroups> const& layers) {
  std::vector<std::string> lines;
  for (auto const& layer : layers) {
    auto line = layer.layer + ": " + counted(std::ssize(layer.groups), "group");
    std::vector<std::size_t> sizes;
    for (auto const& group : layer.groups) {
      sizes.push_back(group.neurons.size());
    }
    if (!sizes.empty()) {
      auto const [least, most] = std::minmax_element(sizes.begin(), sizes.end());
      line += " of " + std::to_string(*least) +
              (*least < *most ? " to " + std::to_string(*most) : std::string()) + " neurons";
    }
    auto const all = layer.neuron_mean.size();
    line += " by " + layer.method + ", " +
            std::to_string(all - layer.ungrouped.size() - layer.dead.size()) + " of " +
            std::to_string(all) + " grouped";
    line += layer.dead.empty() ? "" : ", " + std::to_string(layer.dead.size()) + " dead";
    line += "; stability " + decimal(layer.stability) + ", |r| by chance below " +
            decimal(layer.chance_bound);
    lines.push_back(line);
  }
  return lines;
}

void write_findings(h5::File& file, std::vector<store::LayerGroups> const& layers,
                    std::vector<store::LayerSums> const& sums, KeepSums keep, int threads) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto const& moments = sums[i].moments;
    store::write_layer(file, layers[i]);
    if (store::keeps_correlation(moments.neurons) || keep.correlation) {
      store::write_correlation(file, layers[i].layer, correlation_of(moments, threads),
                               moments.neurons);
    }
    if (keep.moments) {
      store::write_sums(file, sums[i]);
    }
  }
}

} // namespace fod
