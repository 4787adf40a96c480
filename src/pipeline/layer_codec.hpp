#pragma once

#include "fod/layer_groups.hpp"

#include <string>
#include <vector>

/// Inside of the pipeline: what was found about layers, on its way between ranks.
namespace fod {

std::string encode_layers(std::vector<store::LayerGroups> const& layers);
std::vector<store::LayerGroups> decode_layers(std::string const& bytes);

} // namespace fod
