#include "found_groups.hpp"

namespace fod {

NeuronGroups to_neuron_groups(store::LayerGroups const& found) {
  NeuronGroups all{found.layer, found.method,    found.threshold, found.stability,
                   {},          found.ungrouped, found.dead};
  for (auto const& group : found.groups) {
    all.groups.push_back({found.first_group_id + std::ssize(all.groups), found.layer, group.neurons,
                          group.cohesion, group.cohesion_signed, group.stability,
                          group.mean_activation, group.variance_explained, group.loadings});
  }
  return all;
}

} // namespace fod
