#include "layer_codec.hpp"

#include <nlohmann/json.hpp>

namespace fod {

namespace {

using Json = nlohmann::json;

Json encode(store::NeuronGroup const& group) {
  return Json::array({group.neurons, group.loadings, group.variance_explained, group.cohesion,
                      group.cohesion_signed, group.stability, group.mean_activation,
                      group.corr_entropy, group.corr_confidence, group.corr_error,
                      group.class_mean});
}

store::NeuronGroup decode_group(Json const& json) {
  store::NeuronGroup group;
  json[0].get_to(group.neurons);
  json[1].get_to(group.loadings);
  json[2].get_to(group.variance_explained);
  json[3].get_to(group.cohesion);
  json[4].get_to(group.cohesion_signed);
  json[5].get_to(group.stability);
  json[6].get_to(group.mean_activation);
  json[7].get_to(group.corr_entropy);
  json[8].get_to(group.corr_confidence);
  json[9].get_to(group.corr_error);
  json[10].get_to(group.class_mean);
  return group;
}

Json encode(store::LayerGroups const& layer) {
  auto groups = Json::array();
  for (auto const& group : layer.groups) {
    groups.push_back(encode(group));
  }
  return {{"layer", layer.layer},
          {"type", layer.type},
          {"index", layer.index},
          {"pooling", layer.pooling},
          {"method", layer.method},
          {"threshold", layer.threshold},
          {"chance_bound", layer.chance_bound},
          {"stability", layer.stability},
          {"samples", layer.samples},
          {"by", layer.class_by},
          {"groups", groups},
          {"ungrouped", layer.ungrouped},
          {"dead", layer.dead},
          {"mean", layer.neuron_mean},
          {"std", layer.neuron_std}};
}

store::LayerGroups decode_layer(Json const& json) {
  store::LayerGroups layer;
  json["layer"].get_to(layer.layer);
  json["type"].get_to(layer.type);
  json["index"].get_to(layer.index);
  json["pooling"].get_to(layer.pooling);
  json["method"].get_to(layer.method);
  json["threshold"].get_to(layer.threshold);
  json["chance_bound"].get_to(layer.chance_bound);
  json["stability"].get_to(layer.stability);
  json["samples"].get_to(layer.samples);
  json["by"].get_to(layer.class_by);
  json["ungrouped"].get_to(layer.ungrouped);
  json["dead"].get_to(layer.dead);
  json["mean"].get_to(layer.neuron_mean);
  json["std"].get_to(layer.neuron_std);
  for (auto const& group : json["groups"]) {
    layer.groups.push_back(decode_group(group));
  }
  return layer;
}

} // namespace

// CBOR keeps every bit of a number, NaN too, which JSON's text does not.
std::string encode_layers(std::vector<store::LayerGroups> const& layers) {
  auto all = Json::array();
  for (auto const& layer : layers) {
    all.push_back(encode(layer));
  }
  std::string bytes;
  Json::to_cbor(all, bytes);
  return bytes;
}

std::vector<store::LayerGroups> decode_layers(std::string const& bytes) {
  std::vector<store::LayerGroups> layers;
  for (auto const& json : Json::from_cbor(bytes)) {
    layers.push_back(decode_layer(json));
  }
  return layers;
}

} // namespace fod
