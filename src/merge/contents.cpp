#include "contents.hpp"

#include "fod/error.hpp"
#include "fod/json.hpp"
#include "fod/text.hpp"
#include "fod/version.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace fod {

namespace {

using Json = nlohmann::ordered_json;

constexpr char const* merged_by = "merged_by";
constexpr char const* source = "source_samples";

Json provenance_of(std::string const& path) {
  return Json::parse(store::read_provenance(store::ResultReader(path).file()));
}

/// Entry of an object if it is a list, else an empty one.
Json list_in(Json const& object, char const* key) {
  auto const found = object.find(key);
  return found != object.end() && found->is_array() ? *found : Json::array();
}

std::string text_of(Json const& list) {
  std::vector<std::string> texts;
  for (auto const& entry : list) {
    texts.push_back(entry.is_string() ? entry.get<std::string>() : entry.dump());
  }
  return joined(texts);
}

/// Facts about one job alone.
bool is_of_one_job(std::string const& key) {
  return key.starts_with("seconds_") || key == "peak_anonymous_bytes" || key == "micro_batches" ||
         key == "blocks_of_earlier_jobs";
}

/// The ranks of all files, one after the other, and the files.
void put_parts(Json& json, std::vector<Part> const& parts) {
  std::int64_t ranks = 0;
  auto shards = Json::array();
  auto hosts = Json::array();
  auto devices = Json::array();
  auto files = Json::array();
  auto creations = Json::array();
  auto samples = Json::array();
  auto of_ranks = Json::array();
  for (auto const& part : parts) {
    auto const own = provenance_of(part.path);
    auto const append = [&](Json& all, char const* key) {
      for (auto const& entry : list_in(own, key)) {
        all.push_back(entry);
      }
    };
    append(shards, "shard_map");
    append(hosts, "hosts");
    append(devices, "devices");
    ranks += std::ssize(list_in(own, "shard_map"));
    files.push_back(part.path);
    creations.push_back(part.creation);
    samples.push_back({part.samples().begin, part.samples().end});
    of_ranks.push_back(counted(std::ssize(list_in(own, "shard_map")), "rank") + " on " +
                       text_of(list_in(own, "hosts")) + ": " + text_of(list_in(own, "devices")));
  }
  json["ranks"] = ranks;
  json["shard_map"] = shards;
  json["hosts"] = hosts;
  json["devices"] = devices;
  json["merged_files"] = files;
  json["merged_creations"] = creations;
  json["merged_samples"] = samples;
  json["merged_ranks"] = of_ranks;
}

} // namespace

std::string joined_meta(std::string const& text, std::vector<std::string> const& automatic,
                        store::Layout const& layout, store::Metrics const& metrics) {
  auto meta = json::parse_meta(text);
  auto const is_automatic = [&](char const* key) {
    return std::find(automatic.begin(), automatic.end(), key) != automatic.end();
  };
  if (is_automatic("num_samples")) {
    json::set(meta, "num_samples", std::to_string(layout.samples().size()));
  }
  auto const accuracy = metrics.values.find("accuracy");
  if (is_automatic("accuracy") && accuracy != metrics.values.end()) {
    std::string number;
    json::append_number(number, accuracy->second);
    json::set(meta, "accuracy", number);
  }
  return json::to_text(meta);
}

bool is_of_a_merge(std::string const& partial) {
  try {
    return store::ResultReader(partial).file().has_attribute("/provenance", merged_by);
  } catch (Error const&) {
    return false;
  }
}

store::Contents joined_contents(std::vector<Part> const& parts, store::Layout const& layout,
                                MergeFacts const& facts) {
  store::ResultReader const first(parts[0].path);
  Json json;
  auto const of_first = provenance_of(parts[0].path);
  for (auto const& [key, value] : of_first.items()) {
    if (!is_of_one_job(key)) {
      json[key] = value;
    }
  }
  std::vector<std::string> automatic;
  for (auto const& key : list_in(json, "meta_auto")) {
    automatic.push_back(key.get<std::string>());
  }
  auto settings = store::read_settings(first.file());
  for (auto& [name, value] : settings) {
    value = name == store::range_setting ? store::range_text(layout.samples()) : value;
  }
  json["settings"] = store::to_lines(settings);
  put_parts(json, parts);
  json["data_hash"] = facts.data_hash;
  json[merged_by] = "fod merge " + std::string(version());
  json["seconds_merge"] = facts.seconds;
  if (!facts.left_out.empty()) {
    json["merge_left_out"] = facts.left_out;
  }
  return {joined_meta(first.meta(), automatic, layout, facts.metrics),
          json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

std::int64_t source_samples(std::vector<Part> const& parts) {
  auto const json = provenance_of(parts[0].path);
  auto const found = json.find(source);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>()
                                                           : parts[0].layout.grid.samples();
}

} // namespace fod
