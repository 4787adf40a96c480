#include "grouping.hpp"

#include "layer_codec.hpp"

#include "fod/analysis.hpp"
#include "fod/error.hpp"
#include "fod/group_engine.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>

namespace fod {

namespace {

AnalysisRequest request_of(Prepared const& job, bool error_known) {
  AnalysisRequest request;
  auto const& asked = job.config.groups;
  request.options = asked.options;
  request.auto_threshold = asked.auto_threshold;
  request.legacy = asked.legacy;
  request.error_known = error_known;
  request.class_by = job.plan.groups.class_by;
  request.threads = job.machine.threads;
  if (job.machine.device.is_cuda) {
    request.engine = [](groups::MatrixView view) { return cuda_engine(view); };
  }
  return request;
}

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

std::vector<std::string> notes_of(Prepared const& job, LayerMoments const& moments,
                                  std::vector<Moments> const& sums) {
  std::vector<std::string> notes;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    auto const name = "layer " + job.plan.groups.layers[i].layer.name;
    if (sums[i].count() < least_samples) {
      notes.push_back(name + ": " + counted(sums[i].count(), "sample") +
                      " with finite activations, too few for groups");
    } else if (!has_halves(sums[i])) {
      notes.push_back(name + ": stability is unknown, since even or odd blocks have too few "
                             "samples (a smaller --batch-size gives more blocks)");
    }
  }
  for (std::size_t i = 0; i < moments.left_out().size(); ++i) {
    if (auto const count = moments.left_out()[i]; count > 0) {
      notes.push_back("layer " + job.plan.groups.layers[i].layer.name + ": " +
                      counted(count, "sample") + " left out, whose activations are not finite");
    }
  }
  if (moments.unlabelled() > 0) {
    notes.push_back(counted(moments.unlabelled(), "sample") +
                    " without a label: groups have no correlation with the error");
  }
  return notes;
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

GroupFindings find_groups(Prepared const& job, LayerMoments& moments, Comm const& comm) {
  GroupFindings findings;
  findings.moments = moments.reduce(comm, job.machine);
  findings.notes = notes_of(job, moments, findings.moments);
  bool const error_known = job.plan.groups.appended == 3 && moments.unlabelled() == 0;
  auto const request = request_of(job, error_known);
  auto const& watched = job.plan.groups.layers;
  std::vector<store::LayerGroups> mine;
  comm.agree([&] {
    for (std::size_t i = 0; i < watched.size(); ++i) {
      if (LayerMoments::owner_of(i, comm) == comm.rank()) {
        auto const& sums = findings.moments[i];
        auto layer =
            sums.count() < least_samples ? nothing_known(sums, request) : analyse(sums, request);
        layer.layer = watched[i].layer.name;
        layer.type = watched[i].layer.type;
        layer.index = static_cast<std::int64_t>(i);
        layer.pooling = watched[i].pooling_text();
        mine.push_back(std::move(layer));
      }
      if (!comm.is_root()) {
        findings.moments[i] = Moments();
      }
    }
  });
  findings.layers.resize(watched.size());
  for (auto const& of_rank : comm.all_gather(encode_layers(mine))) {
    for (auto& layer : decode_layers(of_rank)) {
      auto const at = static_cast<std::size_t>(layer.index);
      findings.layers[at] = std::move(layer);
    }
  }
  std::int64_t id = 0;
  for (auto& layer : findings.layers) {
    layer.first_group_id = id;
    id += std::ssize(layer.groups);
  }
  return findings;
}

void write_groups(h5::File& file, Prepared const& job, GroupFindings const& findings) {
  auto const& asked = job.config.groups;
  for (std::size_t i = 0; i < findings.layers.size(); ++i) {
    auto const& layer = findings.layers[i];
    auto const& moments = findings.moments[i];
    store::write_layer(file, layer);
    if (store::keeps_correlation(moments.neurons) || asked.keep_correlation) {
      store::write_correlation(file, layer.layer, correlation_of(moments, job.machine.threads),
                               moments.neurons);
    }
    if (asked.keep_moments) {
      store::write_moments(file, layer.layer, moments);
    }
  }
  if (findings.events) {
    findings.events->write(file);
  }
}

std::vector<std::string> summary_of(GroupFindings const& findings) {
  std::vector<std::string> lines;
  for (auto const& layer : findings.layers) {
    auto line = layer.layer + ": " + counted(std::ssize(layer.groups), "group");
    std::vector<std::size_t> sizes;
    for (auto const& group : layer.groups) {
      sizes.push_back(group.neurons.size());
    }
    if (!sizes.empty()) {
      auto const [least, most] = std::minmax_element(sizes.begin(), sizes.end());
      line += " of " + std::to_string(*least) + " to " + std::to_string(*most) + " neurons";
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
  if (findings.events) {
    lines.push_back(findings.events->summary());
  }
  lines.insert(lines.end(), findings.notes.begin(), findings.notes.end());
  return lines;
}

} // namespace fod
