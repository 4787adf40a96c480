#include "fod/analysis.hpp"

#include "live.hpp"

#include "fod/group_evidence.hpp"

#include <cmath>
#include <limits>

namespace fod {

namespace {

constexpr auto unknown = std::numeric_limits<double>::quiet_NaN();

/// Correlations among live neurons, with what works on them.
struct LiveMatrix {
  LiveNeurons live;
  Statistics statistics;
  groups::MatrixView view;
  std::unique_ptr<groups::Engine> engine;

  LiveMatrix(Statistics taken, LiveNeurons neurons, AnalysisRequest const& request)
      : live(std::move(neurons)), statistics(std::move(taken)),
        view(compacted(statistics, live.indices)),
        engine(request.engine ? request.engine(view) : groups::host_engine(view, request.threads)) {
  }
};

groups::Grouping grouping_of(LiveMatrix const& half, groups::Options const& options, int threads) {
  return groups::find_groups(half.view, options, *half.engine, threads);
}

/// By the index among all neurons.
std::vector<std::int64_t> named(std::vector<std::int64_t> const& members, LiveNeurons const& live) {
  std::vector<std::int64_t> all;
  for (auto const member : members) {
    all.push_back(live.indices[static_cast<std::size_t>(member)]);
  }
  return all;
}

/// Mean activation of a group over the samples of each class.
std::vector<double> class_means(Moments const& moments, std::vector<std::int64_t> const& neurons) {
  std::vector<double> means(static_cast<std::size_t>(moments.classes), unknown);
  for (std::int64_t c = 0; c < moments.classes; ++c) {
    auto const count = moments.class_counts[static_cast<std::size_t>(c)];
    double sum = 0;
    for (auto const neuron : neurons) {
      auto const j = static_cast<std::size_t>(neuron);
      auto const total = moments.class_sums[static_cast<std::size_t>(c * moments.neurons) + j];
      auto const mean = std::ldexp(static_cast<double>(total), -moments.scale.class_bits) /
                        static_cast<double>(count);
      sum += moments.class_missing[j] != 0 ? unknown
                                           : moments.scale.shift[j] + mean / moments.scale.scale[j];
    }
    if (count > 0) {
      means[static_cast<std::size_t>(c)] = sum / static_cast<double>(neurons.size());
    }
  }
  return means;
}

/// What is said of a group beside its neurons.
class Describer {
public:
  Describer(Moments const& moments, Statistics const& statistics, AnalysisRequest const& request)
      : moments_(moments), neurons_(moments.neurons), threads_(request.threads),
        mean_(statistics.mean) {
    auto const width = moments.width();
    for (std::int64_t a = 0; a < 3; ++a) {
      bool const there = a < moments.appended && (a < 2 || request.error_known);
      appended_.emplace_back();
      for (std::int64_t j = 0; there && j < neurons_; ++j) {
        appended_.back().push_back(
            statistics.correlation[static_cast<std::size_t>(j * width + neurons_ + a)]);
      }
      // A column that does not vary has no correlation.
      bool const varies = there && statistics.deviation[static_cast<std::size_t>(neurons_ + a)] > 0;
      if (!varies) {
        appended_.back().clear();
      }
    }
  }

  [[nodiscard]] store::NeuronGroup describe(LiveMatrix const& whole,
                                            std::vector<std::int64_t> const& members,
                                            std::int64_t hub) const {
    store::NeuronGroup group;
    auto const facts = groups::facts_of(whole.view, members, hub, threads_);
    group.neurons = named(members, whole.live);
    group.loadings = facts.loadings;
    group.variance_explained = facts.variance_explained;
    group.cohesion = facts.cohesion;
    group.cohesion_signed = facts.cohesion_signed;
    for (auto const neuron : group.neurons) {
      group.mean_activation += mean_[static_cast<std::size_t>(neuron)];
    }
    group.mean_activation /= static_cast<double>(group.neurons.size());
    group.corr_entropy = correlation(whole, members, facts.loadings, 0);
    group.corr_confidence = correlation(whole, members, facts.loadings, 1);
    group.corr_error = correlation(whole, members, facts.loadings, 2);
    group.class_mean = class_means(moments_, group.neurons);
    return group;
  }

private:
  [[nodiscard]] double correlation(LiveMatrix const& whole,
                                   std::vector<std::int64_t> const& members,
                                   std::vector<double> const& loadings, std::size_t column) const {
    if (appended_[column].empty()) {
      return unknown;
    }
    std::vector<double> of_live;
    for (auto const neuron : whole.live.indices) {
      of_live.push_back(appended_[column][static_cast<std::size_t>(neuron)]);
    }
    return groups::correlation_with(whole.view, members, loadings, of_live);
  }

  Moments const& moments_;
  std::int64_t neurons_;
  int threads_;
  std::vector<double> mean_;
  std::vector<std::vector<double>> appended_; ///< by column, correlations by neuron; empty: none
};

/// The two halves of the blocks, one after the other: each takes a matrix.
struct Halves {
  groups::Grouping even;
  groups::Grouping odd;
};

Halves halves_of(Moments const& moments, LiveNeurons const& live, AnalysisRequest const& request,
                 groups::Options const& options) {
  auto const of = [&](HalfMoments const& half) {
    LiveMatrix const prepared(statistics_of(half, moments.scale, request.threads), live, request);
    return grouping_of(prepared, options, request.threads);
  };
  return {of(moments.halves[0]), of(moments.halves[1])};
}

double stable_threshold(Moments const& moments, LiveNeurons const& live,
                        AnalysisRequest const& request, double bound) {
  LiveMatrix const even(statistics_of(moments.halves[0], moments.scale, request.threads), live,
                        request);
  LiveMatrix const odd(statistics_of(moments.halves[1], moments.scale, request.threads), live,
                       request);
  return groups::choose_threshold({even.view, *even.engine}, {odd.view, *odd.engine},
                                  request.options, bound, request.threads)
      .threshold;
}

std::vector<std::int64_t> ungrouped_of(std::vector<store::NeuronGroup> const& groups,
                                       LiveNeurons const& live) {
  std::vector<std::uint8_t> inside(static_cast<std::size_t>(live.neurons), 0);
  for (auto const& group : groups) {
    for (auto const neuron : group.neurons) {
      inside[static_cast<std::size_t>(neuron)] = 1;
    }
  }
  std::vector<std::int64_t> all;
  for (auto const neuron : live.indices) {
    if (inside[static_cast<std::size_t>(neuron)] == 0) {
      all.push_back(neuron);
    }
  }
  return all;
}

void set_stability(store::LayerGroups& layer, groups::Grouping const& grouping,
                   Halves const& halves, std::int64_t live) {
  // Two halves without a group agree about nothing.
  bool const any = !halves.even.groups.empty() || !halves.odd.groups.empty();
  layer.stability = any ? groups::adjusted_rand_index(groups::labels_of(halves.even, live),
                                                      groups::labels_of(halves.odd, live))
                        : unknown;
  auto const by_group = groups::group_stability(grouping, halves.even, halves.odd);
  for (std::size_t g = 0; g < layer.groups.size(); ++g) {
    layer.groups[g].stability = by_group[g];
  }
}

/// True where a threshold decides which neurons are together.
bool has_threshold(AnalysisRequest const& request) {
  auto const method = request.options.method;
  return request.legacy || method == groups::Method::correlation_clustering ||
         (method == groups::Method::hierarchical && request.options.group_count == 0);
}

} // namespace

bool has_halves(Moments const& moments) {
  return moments.halves[0].count >= least_samples && moments.halves[1].count >= least_samples;
}

store::LayerGroups analyse(Moments const& moments, AnalysisRequest const& request) {
  auto const live = live_neurons(moments);
  auto const count = std::ssize(live.indices);
  store::LayerGroups layer;
  layer.method = request.legacy ? "legacy" : std::string(name_of(request.options.method));
  layer.samples = moments.count();
  layer.class_by = moments.classes > 0 ? request.class_by : "";
  layer.dead = live.dead;
  layer.chance_bound =
      count > 1 ? groups::chance_bound(moments.count(), count * (count - 1) / 2) : unknown;
  auto options = request.options;
  if (request.auto_threshold && !request.legacy && has_halves(moments)) {
    options.threshold = stable_threshold(moments, live, request, layer.chance_bound);
  }
  layer.threshold = has_threshold(request) ? options.threshold : unknown;

  auto statistics = statistics_of(moments, request.threads);
  auto const neurons = static_cast<std::ptrdiff_t>(moments.neurons);
  layer.neuron_mean.assign(statistics.mean.begin(), statistics.mean.begin() + neurons);
  layer.neuron_std.assign(statistics.deviation.begin(), statistics.deviation.begin() + neurons);
  for (auto const neuron : live.dead) {
    layer.neuron_std[static_cast<std::size_t>(neuron)] = 0;
  }
  Describer const describer(moments, statistics, request);
  groups::Grouping grouping;
  if (request.legacy) {
    auto const cosine = cosines_of(statistics, live);
    grouping.groups =
        groups::legacy_groups({cosine.data(), count}, options.threshold, options.least_size);
    grouping.hubs.assign(grouping.groups.size(), -1);
  }
  {
    LiveMatrix const whole(std::move(statistics), live, request);
    if (!request.legacy) {
      grouping = grouping_of(whole, options, request.threads);
    }
    for (std::size_t g = 0; g < grouping.groups.size(); ++g) {
      layer.groups.push_back(describer.describe(whole, grouping.groups[g], grouping.hubs[g]));
    }
  }
  layer.ungrouped = ungrouped_of(layer.groups, live);
  // Overlapping groups are no partition, and too few samples have no correlations.
  if (request.legacy || !has_halves(moments)) {
    layer.stability = unknown;
    for (auto& group : layer.groups) {
      group.stability = unknown;
    }
  } else {
    set_stability(layer, grouping, halves_of(moments, live, request, options), count);
  }
  return layer;
}

std::vector<float> correlation_of(Moments const& moments, int threads) {
  auto const statistics = statistics_of(moments, threads);
  auto const width = moments.width();
  std::vector<float> all;
  all.reserve(static_cast<std::size_t>(moments.neurons * moments.neurons));
  for (std::int64_t i = 0; i < moments.neurons; ++i) {
    auto const* row = statistics.correlation.data() + i * width;
    for (std::int64_t j = 0; j < moments.neurons; ++j) {
      all.push_back(static_cast<float>(row[j]));
    }
  }
  return all;
}

} // namespace fod
