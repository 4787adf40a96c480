#include "fod/layer_groups.hpp"

#include "group_io.hpp"

#include <algorithm>

namespace fod::store {

namespace {

/// Sets one figure of every group.
template <class T, class Set>
void spread(GroupReader const& in, std::vector<T> const& values, std::vector<NeuronGroup>& groups,
            Set set) {
  in.require(values.size() == groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    set(groups[g], values[g]);
  }
}

std::vector<NeuronGroup> read_members(GroupReader const& in) {
  auto const members = in.wholes("members");
  auto const loadings = in.reals("loadings");
  auto const offsets = in.wholes("offsets");
  bool const sane = !offsets.empty() && offsets.front() == 0 &&
                    offsets.back() == std::ssize(members) && loadings.size() == members.size() &&
                    std::is_sorted(offsets.begin(), offsets.end());
  in.require(sane);
  std::vector<NeuronGroup> groups(offsets.size() - 1);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    groups[g].neurons.assign(members.begin() + offsets[g], members.begin() + offsets[g + 1]);
    groups[g].loadings.assign(loadings.begin() + offsets[g], loadings.begin() + offsets[g + 1]);
  }
  auto const class_mean = in.reals("class_mean");
  in.require(groups.empty() ? class_mean.empty() : class_mean.size() % groups.size() == 0);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    auto const classes = static_cast<std::ptrdiff_t>(class_mean.size() / groups.size());
    auto const begin = class_mean.begin() + static_cast<std::ptrdiff_t>(g) * classes;
    groups[g].class_mean.assign(begin, begin + classes);
  }
  return groups;
}

void read_figures(GroupReader const& in, std::vector<NeuronGroup>& groups) {
  using Group = NeuronGroup;
  auto const figure = [&](char const* name, double Group::*member) {
    spread(in, in.reals(name), groups, [&](Group& group, double value) { group.*member = value; });
  };
  figure("cohesion", &Group::cohesion);
  figure("cohesion_signed", &Group::cohesion_signed);
  figure("stability", &Group::stability);
  figure("mean_activation", &Group::mean_activation);
  figure("variance_explained", &Group::variance_explained);
  figure("corr_entropy", &Group::corr_entropy);
  figure("corr_confidence", &Group::corr_confidence);
  figure("corr_error", &Group::corr_error);
  spread(in, in.texts("skill_category"), groups,
         [](Group& group, std::string const& name) { group.skill_category = name; });
}

/// Neurons are indices of the layer.
void require_neurons(GroupReader const& in, LayerGroups const& layer) {
  auto const neurons = std::ssize(layer.neuron_mean);
  auto const inside = [&](std::vector<std::int64_t> const& indices) {
    return std::all_of(indices.begin(), indices.end(),
                       [&](std::int64_t index) { return 0 <= index && index < neurons; });
  };
  in.require(std::ssize(layer.neuron_std) == neurons && inside(layer.ungrouped) &&
             inside(layer.dead));
  for (auto const& group : layer.groups) {
    in.require(!group.neurons.empty() && inside(group.neurons));
  }
}

LayerGroups read_layer(h5::File const& file, std::string const& name) {
  GroupReader const in(file, groups_path(name));
  LayerGroups layer;
  layer.layer = name;
  layer.groups = read_members(in);
  read_figures(in, layer.groups);
  layer.ungrouped = in.wholes("ungrouped");
  layer.dead = in.wholes("dead");
  layer.neuron_mean = in.reals("neuron_mean");
  layer.neuron_std = in.reals("neuron_std");
  require_neurons(in, layer);
  layer.index = in.attribute<std::int64_t>("index");
  layer.type = in.attribute<std::string>("type");
  layer.pooling = in.attribute<std::string>("pooling");
  layer.method = in.attribute<std::string>("method");
  layer.threshold = in.attribute<double>("threshold");
  layer.chance_bound = in.attribute<double>("chance_bound");
  layer.stability = in.attribute<double>("stability");
  layer.samples = in.attribute<std::int64_t>("samples");
  layer.class_by = in.attribute<std::string>("by");
  auto const ids = in.wholes("group_id");
  in.require(ids.size() == layer.groups.size());
  layer.first_group_id = ids.empty() ? 0 : ids.front();
  return layer;
}

/// A shard has the sums of its layers alone.
bool is_without_groups(h5::File const& file, std::string const& name) {
  return has_moments(file, name) && !file.contains(groups_path(name) + "/offsets") &&
         file.has_attribute("/", "shards");
}

} // namespace

std::vector<LayerGroups> read_layers(h5::File const& file) {
  std::vector<LayerGroups> layers;
  if (!file.contains("/groups")) {
    return layers;
  }
  for (auto const& name : file.members("/groups")) {
    if (!is_without_groups(file, name)) {
      layers.push_back(read_layer(file, name));
    }
  }
  std::sort(layers.begin(), layers.end(),
            [](LayerGroups const& a, LayerGroups const& b) { return a.index < b.index; });
  return layers;
}

} // namespace fod::store
