#include "probe_codec.hpp"

#include <nlohmann/json.hpp>

namespace fod {

std::string encode_probe(ProbeResult const& result) {
  auto all = nlohmann::json::object();
  auto& models = all["models"] = nlohmann::json::array();
  for (auto const& model : result.models) {
    auto types = nlohmann::json::array();
    for (auto const type : model.input_types) {
      types.push_back(name_of(type));
    }
    models.push_back({{"inputs", model.inputs},
                      {"mode", static_cast<int>(model.mode)},
                      {"output_type", name_of(model.output_type)},
                      {"input_types", types},
                      {"tolerance", model.tolerance},
                      {"evidence", model.evidence}});
  }
  auto& scales = all["scales"] = nlohmann::json::array();
  for (auto const& scale : result.scales) {
    scales.push_back({{"shift", scale.shift},
                      {"scale", scale.scale},
                      {"bits", scale.bits},
                      {"class_bits", scale.class_bits}});
  }
  return all.dump();
}

ProbeResult decode_probe(std::string const& text) {
  ProbeResult result;
  auto const all = nlohmann::json::parse(text);
  for (auto const& json : all["scales"]) {
    result.scales.push_back({json["shift"].get<std::vector<double>>(),
                             json["scale"].get<std::vector<double>>(), json["bits"].get<int>(),
                             json["class_bits"].get<int>()});
  }
  for (auto const& json : all["models"]) {
    ModelProbe model;
    model.inputs = json["inputs"].get<std::int64_t>();
    model.mode = static_cast<OutputMode>(json["mode"].get<int>());
    model.output_type = element_type(json["output_type"].get<std::string>());
    for (auto const& type : json["input_types"]) {
      model.input_types.push_back(element_type(type.get<std::string>()));
    }
    model.tolerance = json["tolerance"].get<float>();
    model.evidence = json["evidence"].get<std::string>();
    result.models.push_back(std::move(model));
  }
  return result;
}

} // namespace fod
