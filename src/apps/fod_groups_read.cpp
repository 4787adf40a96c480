#include "fod_groups.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace fod::app {

namespace {

using Layers = std::vector<store::LayerGroups>;

void check(store::LayerGroups const& layer, std::string const& path) {
  auto const neurons = neurons_of(layer);
  auto const fit = [&](std::vector<std::int64_t> const& list) {
    return std::is_sorted(list.begin(), list.end()) &&
           (list.empty() || (list.front() >= 0 && list.back() < neurons));
  };
  bool sane = fit(layer.ungrouped) && fit(layer.dead);
  for (auto const& group : layer.groups) {
    sane = sane && !group.neurons.empty() && fit(group.neurons);
  }
  if (!sane) {
    throw bad_input(path + ":" + store::groups_path(layer.layer) + " is damaged",
                    "it lists neurons that the layer does not have",
                    "make the file again, or restore it from a backup");
  }
}

std::vector<std::string> names_of(Layers const& layers) {
  std::vector<std::string> names;
  for (auto const& layer : layers) {
    names.push_back(layer.layer);
  }
  return names;
}

bool fits(std::string const& name, std::string const& pattern) {
  return name == pattern || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

} // namespace

std::vector<store::LayerGroups> read_groups(store::ResultReader const& reader) {
  auto layers = store::read_layers(reader.file());
  if (layers.empty() && reader.layout().is_shard()) {
    throw bad_input(reader.path() + " holds no groups of neurons",
                    "it is a shard: groups are found by fod merge",
                    "merge all shards, then look at the result");
  }
  if (layers.empty()) {
    throw bad_input(reader.path() + " holds no groups of neurons",
                    reader.complete() ? "its job was not asked for any"
                                      : "its job has not finished, and groups are found at its end",
                    reader.complete() ? "run fod-generate with --layers; --list-layers shows their "
                                        "names"
                                      : "run it again with --resume");
  }
  for (auto const& layer : layers) {
    check(layer, reader.path());
  }
  return layers;
}

std::vector<store::LayerGroups> chosen(std::vector<store::LayerGroups> layers,
                                       std::vector<std::string> const& patterns,
                                       std::string const& path) {
  auto const names = names_of(layers);
  for (auto const& pattern : patterns) {
    bool const found = std::any_of(names.begin(), names.end(),
                                   [&](std::string const& name) { return fits(name, pattern); });
    if (!found) {
      auto const nearest = nearest_name(pattern, names);
      throw bad_input(path + " has no groups of layer " + pattern,
                      nearest.empty() ? "its layers are " + joined(names)
                                      : "did you mean " + nearest + "?",
                      "name a layer that `fod groups` lists");
    }
  }
  std::erase_if(layers, [&](store::LayerGroups const& layer) {
    return !patterns.empty() &&
           std::none_of(patterns.begin(), patterns.end(),
                        [&](std::string const& pattern) { return fits(layer.layer, pattern); });
  });
  return layers;
}

} // namespace fod::app
