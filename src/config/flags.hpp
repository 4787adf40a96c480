#pragma once

#include "fod/config.hpp"

namespace CLI {
class App;
}

/// Inside of the config module: flags that have a file of their own.
namespace fod {

/// What the library cannot store in LayerRequest's own types.
struct RawLayers {
  std::string method = "correlation_clustering";
  std::string threshold = "0.6";
  std::string count;
  std::string linkage = "average";
  bool with_sign = false;
  bool no_distributions = false;
  std::vector<std::string> pooling;
};

void add_layers(CLI::App& app, LayerRequest& request, RawLayers& raw);

/// Takes what the library read, and refuses what does not go together. @throws Error (usage)
void settle_layers(CLI::App const& app, Config& config, RawLayers const& raw);

} // namespace fod
