#pragma once

#include "fod/event_file.hpp"
#include "fod/layer_groups.hpp"
#include "fod/store.hpp"

#include <optional>
#include <string>
#include <vector>

/// Inside of `fod groups` and `fod compare`: the groups of a file.
namespace fod::app {

/// The layers of a file that have groups, checked, in the order in which they ran.
/// @throws Error (usage) if it has none, or if they are damaged
std::vector<store::LayerGroups> read_groups(store::ResultReader const& reader);

/// The layers that `patterns` name (exactly, or as globs), in the order of `layers`; all of them if
/// there are no patterns. @throws Error (usage) for a pattern that fits none
std::vector<store::LayerGroups> chosen(std::vector<store::LayerGroups> layers,
                                       std::vector<std::string> const& patterns,
                                       std::string const& path);

inline std::int64_t neurons_of(store::LayerGroups const& layer) {
  return std::ssize(layer.neuron_mean);
}

/// All that `fod groups` tells.
struct GroupsReport {
  std::string path;
  std::vector<store::LayerGroups> layers;
  std::optional<store::EventsSummary> events; ///< of all layers
};

/// For people: `top` groups per layer.
std::string as_table(GroupsReport const& report, std::size_t top);
/// One JSON object with stable keys, all groups, and no path. What is not known (NaN) is null.
std::string as_json(GroupsReport const& report);

} // namespace fod::app
