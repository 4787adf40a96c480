#include "fod/layer_groups.hpp"

#include "group_io.hpp"

namespace fod::store {

namespace {

/// One figure of every group.
template <class Get>
auto column(std::vector<NeuronGroup> const& groups, Get get) {
  std::vector<std::decay_t<decltype(get(groups[0]))>> values;
  for (auto const& group : groups) {
    values.push_back(get(group));
  }
  return values;
}

void put_groups(GroupWriter& out, LayerGroups const& layer) {
  std::vector<std::int64_t> members;
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> sizes;
  std::vector<double> loadings;
  std::vector<double> class_mean;
  for (auto const& group : layer.groups) {
    ids.push_back(layer.first_group_id + std::ssize(ids));
    members.insert(members.end(), group.neurons.begin(), group.neurons.end());
    loadings.insert(loadings.end(), group.loadings.begin(), group.loadings.end());
    class_mean.insert(class_mean.end(), group.class_mean.begin(), group.class_mean.end());
    offsets.push_back(std::ssize(members));
    sizes.push_back(std::ssize(group.neurons));
  }
  out.put("group_id", ids);
  out.put("members", members);
  out.put("offsets", offsets);
  out.put("size", sizes);
  out.put("loadings", loadings);
  auto const classes = layer.groups.empty() ? 0 : std::ssize(layer.groups[0].class_mean);
  out.put("class_mean", ElementType::float64, {std::ssize(layer.groups), classes}, class_mean);
}

void put_figures(GroupWriter& out, std::vector<NeuronGroup> const& groups) {
  using Group = NeuronGroup;
  out.put("cohesion", column(groups, [](Group const& g) { return g.cohesion; }));
  out.put("cohesion_signed", column(groups, [](Group const& g) { return g.cohesion_signed; }));
  out.put("stability", column(groups, [](Group const& g) { return g.stability; }));
  out.put("mean_activation", column(groups, [](Group const& g) { return g.mean_activation; }));
  out.put("variance_explained",
          column(groups, [](Group const& g) { return g.variance_explained; }));
  out.put("corr_entropy", column(groups, [](Group const& g) { return g.corr_entropy; }));
  out.put("corr_confidence", column(groups, [](Group const& g) { return g.corr_confidence; }));
  out.put("corr_error", column(groups, [](Group const& g) { return g.corr_error; }));
  out.put("skill_category", column(groups, [](Group const& g) { return g.skill_category; }));
  out.put("learning_phase", std::vector<std::string>(groups.size()));
}

} // namespace

std::string groups_path(std::string const& layer) {
  return "/groups/" + layer;
}

void write_layer(h5::File& file, LayerGroups const& layer) {
  GroupWriter out(file, groups_path(layer.layer));
  put_groups(out, layer);
  put_figures(out, layer.groups);
  out.put("ungrouped", layer.ungrouped);
  out.put("dead", layer.dead);
  out.put("neuron_mean", layer.neuron_mean);
  out.put("neuron_std", layer.neuron_std);
  out.set("index", layer.index);
  out.set("type", layer.type);
  out.set("pooling", layer.pooling);
  out.set("method", layer.method);
  out.set("threshold", layer.threshold);
  out.set("chance_bound", layer.chance_bound);
  out.set("stability", layer.stability);
  out.set("samples", layer.samples);
  out.set("by", layer.class_by);
}

void write_correlation(h5::File& file, std::string const& layer, std::span<float const> values,
                       std::int64_t neurons) {
  file.create_dataset(groups_path(layer) + "/correlation", ElementType::float32, {neurons, neurons})
      .write({0, neurons}, ElementType::float32, values.data());
}

} // namespace fod::store
