#include "ensemble_contents.hpp"

#include "contents.hpp"

#include "fod/json.hpp"
#include "fod/text.hpp"
#include "fod/version.hpp"

#include <algorithm>

namespace fod {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(Json const& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Of each file in turn; said once if all say the same.
std::string of_all(std::vector<EnsembleInput> const& inputs, char const* key) {
  std::vector<std::string> texts;
  for (auto const& input : inputs) {
    auto const found = input.provenance.find(key);
    texts.push_back(found == input.provenance.end() ? "unknown" : text_of(*found));
  }
  bool const same = std::all_of(texts.begin(), texts.end(),
                                [&](std::string const& text) { return text == texts[0]; });
  return same ? texts[0] : joined(texts);
}

std::string number(double value) {
  std::string text;
  json::append_number(text, value);
  return text;
}

/// "a.h5", or "a.h5 (member 0 of 3)".
std::string place_of(MemberInfo const& member) {
  return member.path + (member.of > 1 ? " (member " + std::to_string(member.number) + " of " +
                                            std::to_string(member.of) + ")"
                                      : "");
}

std::string json_string(std::string const& text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

/// The models' names: "a + b", or the one that all have. None if no file names its model.
std::string model_names(std::vector<EnsembleInput> const& inputs) {
  std::vector<std::string> names;
  bool any = false;
  for (auto const& input : inputs) {
    any = any || input.named;
    if (std::find(names.begin(), names.end(), input.name) == names.end()) {
      names.push_back(input.name);
    }
  }
  std::string text;
  for (auto const& name : names) {
    text += (text.empty() ? "" : " + ") + name;
  }
  return any ? json_string(text) : "null";
}

std::string meta_of(std::vector<EnsembleInput> const& inputs, store::Layout const& layout,
                    store::Metrics const& metrics) {
  std::vector<std::string> automatic;
  if (auto const found = inputs[0].provenance.find("meta_auto");
      found != inputs[0].provenance.end() && found->is_array()) {
    automatic = found->get<std::vector<std::string>>();
  }
  auto const text = inputs[0].reader.meta();
  auto meta = json::parse_meta(joined_meta(text, automatic, layout, metrics));
  json::set(meta, "model_name", model_names(inputs));
  // An epoch is that of the ensemble if all models have it.
  std::erase_if(meta, [&](json::MetaEntry const& entry) {
    return entry.key == "model_epoch" &&
           !std::all_of(inputs.begin(), inputs.end(), [&](EnsembleInput const& input) {
             auto const other = json::parse_meta(input.reader.meta());
             return std::any_of(other.begin(), other.end(), [&](json::MetaEntry const& there) {
               return there.key == entry.key && there.value == entry.value;
             });
           });
  });
  return json::to_text(meta);
}

} // namespace

std::vector<MemberInfo> members_of(std::vector<EnsembleInput> const& inputs) {
  std::vector<MemberInfo> all;
  for (auto const& input : inputs) {
    auto const& file = input.reader.file();
    std::optional<double> accuracy;
    if (input.members() == 1 && file.contains("/metrics") &&
        file.has_attribute("/metrics", "accuracy")) {
      auto const value = file.attribute("/metrics", "accuracy");
      if (auto const* known = std::get_if<double>(&value)) {
        accuracy = *known;
      }
    }
    for (std::int64_t member = 0; member < input.members(); ++member) {
      all.push_back({input.path(), member, input.members(), input.name,
                     input.weights[static_cast<std::size_t>(member)], accuracy});
    }
  }
  return all;
}

store::Contents ensemble_contents(std::vector<EnsembleInput> const& inputs,
                                  store::Layout const& layout, EnsembleFacts const& facts) {
  auto const program = "fod ensemble " + std::string(version());
  auto const& first = inputs[0].provenance;
  Json json{{"program", program}, {"merged_by", program}};
  for (auto const* key : {"data", "labels", "source_samples", "class_names", "meta_auto"}) {
    auto const* source = std::string_view(key) == "labels" ? labelled(inputs) : inputs.data();
    auto const& there = source == nullptr ? first : source->provenance;
    if (auto const found = there.find(key); found != there.end()) {
      json[key] = *found;
    }
  }
  for (auto const* key : {"model", "model_hash", "model_kind", "precision", "output_mode",
                          "transforms", "threads", "framework"}) {
    json[key] = of_all(inputs, key);
  }
  json["data_hash"] = facts.data_hash;
  json["weights"] = all_weights(inputs);
  auto members = Json::array();
  for (auto const& member : members_of(inputs)) {
    members.push_back(place_of(member) + ", " + member.name + ", weight " + number(member.weight));
  }
  json["ensemble_members"] = members;
  for (auto const& input : inputs) {
    json["ensemble_files"].push_back(input.path());
    json["ensemble_creations"].push_back(input.reader.creation());
    json["ensemble_sources"].push_back(text_of(input.provenance));
  }
  json["seconds_ensemble"] = facts.seconds;
  return {meta_of(inputs, layout, facts.metrics),
          json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

std::vector<std::string> left_out_of(std::vector<EnsembleInput> const& inputs) {
  auto const any = [&](auto has) { return std::any_of(inputs.begin(), inputs.end(), has); };
  std::vector<std::string> all;
  if (any([](EnsembleInput const& input) { return input.reader.has("/groups"); })) {
    all.emplace_back("groups of neurons, which belong to one model each");
  }
  if (any([](EnsembleInput const& input) { return input.reader.has("/activations"); })) {
    all.emplace_back("kept activations");
  }
  if (any([](EnsembleInput const& input) { return input.layout().keep_logits; })) {
    all.emplace_back("logits, which stay in the files");
  }
  return all;
}

} // namespace fod
