#pragma once

#include "fod/layer_groups.hpp"
#include "fod/neuron_groups.hpp"

/// Inside of the api module: groups as programs of users see them.
namespace fod {

NeuronGroups to_neuron_groups(store::LayerGroups const& found);

} // namespace fod
