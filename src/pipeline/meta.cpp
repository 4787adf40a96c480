#include "meta.hpp"

#include "fod/error.hpp"
#include "fod/python.hpp"
#include "fod/text.hpp"
#include "fod/version.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <ctime>

namespace fod {

namespace {

std::string json_string(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

std::string number(double value) {
  std::string out;
  json::append_number(out, value);
  return out;
}

Error bad_meta(std::string const& argument, std::string const& why) {
  return bad_input("cannot read --meta " + argument, why,
                   "write key=text, key:=JSON, @file.json or auto");
}

/// `k=v` or `k:=json`.
void add_entry(json::Meta& meta, std::string const& argument) {
  auto const equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw bad_meta(argument, "there is no key and value");
  }
  if (argument[equals - 1] != ':') {
    json::set(meta, argument.substr(0, equals), json_string(argument.substr(equals + 1)));
    return;
  }
  try {
    json::set(meta, argument.substr(0, equals - 1), json::canonical(argument.substr(equals + 1)));
  } catch (Error const& error) {
    throw bad_meta(argument, error.what());
  }
}

void add_file(json::Meta& meta, std::string const& argument) {
  auto const text = read_file(argument.substr(1));
  try {
    for (auto& entry : json::parse_meta(text)) {
      json::set(meta, entry.key, std::move(entry.value));
    }
  } catch (Error const& error) {
    throw bad_meta(argument, error.what());
  }
}

/// The keys that `--meta auto` adds, unless the user gave them.
constexpr std::array<char const*, 9> automatic_keys{"framework",   "device",        "timestamp",
                                                    "output_mode", "batch_size",    "num_samples",
                                                    "num_classes", "torch_version", "accuracy"};

bool has_key(json::Meta const& meta, std::string const& key) {
  return std::any_of(meta.begin(), meta.end(),
                     [&](json::MetaEntry const& entry) { return entry.key == key; });
}

/// Adds `key` unless the user gave it.
void add_known(json::Meta& meta, std::string const& key, std::string value) {
  if (!has_key(meta, key)) {
    json::set(meta, key, std::move(value));
  }
}

/// Those that were added, or would have been had they been known.
std::vector<std::string> keys_added(MetaRequest const& request) {
  std::vector<std::string> keys;
  for (auto const* key : automatic_keys) {
    if (request.automatic && !has_key(request.user, key)) {
      keys.emplace_back(key);
    }
  }
  return keys;
}

std::string make_meta(Config const& config, MetaRequest const& request, Plan const& plan,
                      Machine const& machine, JobFacts const& facts,
                      store::Metrics const& metrics) {
  auto meta = request.user;
  if (request.automatic) {
    add_known(meta, "framework", json_string("pytorch"));
    add_known(meta, "device", json_string(machine.device.is_cuda ? "cuda" : "cpu"));
    add_known(meta, "timestamp", json_string(facts.started));
    add_known(meta, "output_mode", json_string(plan.probe.mode_text()));
    add_known(meta, "batch_size", std::to_string(config.batch_size));
    add_known(meta, "num_samples", std::to_string(plan.layout.samples().size()));
    add_known(meta, "num_classes", std::to_string(plan.layout.classes));
    add_known(meta, "torch_version", json_string(framework_version()));
    if (auto const accuracy = metrics.values.find("accuracy"); accuracy != metrics.values.end()) {
      add_known(meta, "accuracy", number(accuracy->second));
    }
  }
  return json::to_text(meta);
}

using Json = nlohmann::ordered_json;

Json input_types(Inputs const& inputs, ProbeResult const& probe) {
  Json types = Json::array();
  for (auto const& model : probe.models) {
    for (std::size_t i = 0; i < model.input_types.size(); ++i) {
      auto const& field = inputs.dataset.field(i);
      types.push_back(field.name + ": " + std::string(name_of(field.type)) + " " +
                      to_string(field.shape) + " as " + std::string(name_of(model.input_types[i])));
    }
  }
  return types;
}

/// The ranks that write the file: of a shard one.
void put_ranks(Json& json, Plan const& plan, Machine const& machine) {
  Json shards = Json::array();
  Json hosts = Json::array();
  Json devices = Json::array();
  for (std::size_t rank = 0; rank < plan.shards.size(); ++rank) {
    if (!plan.layout.is_shard() || static_cast<int>(rank) == machine.rank) {
      shards.push_back({plan.shards[rank].begin, plan.shards[rank].end});
      hosts.push_back(machine.hosts[rank]);
      devices.push_back(machine.devices[rank]);
    }
  }
  json["ranks"] = shards.size();
  json["shard_map"] = shards;
  json["hosts"] = hosts;
  json["devices"] = devices;
}

std::vector<std::string> class_names(Inputs const& inputs) {
  auto names = inputs.dataset.class_names();
  return names.empty() && inputs.labels ? inputs.labels->class_names() : names;
}

/// As the flags say it.
Json image_settings(ImageOptions const& images) {
  Json settings;
  if (images.resize) {
    auto const& exact = images.resize->exact;
    settings["resize"] = exact ? std::to_string(exact->height) + "x" + std::to_string(exact->width)
                               : std::to_string(images.resize->shorter);
  }
  settings["crop"] = images.crop;
  settings["mode"] = images.mode == ImageMode::gray ? "gray" : "rgb";
  settings["skip_bad"] = images.skip_bad;
  return settings;
}

std::string make_provenance(Config const& config, MetaRequest const& request, Plan const& plan,
                            Inputs const& inputs, Machine const& machine, JobFacts const& facts) {
  Json json;
  json["program"] = "fod-generate " + std::string(version());
  json["framework"] = "pytorch " + framework_version();
  if (auto const python = python::interpreter_version(); !python.empty()) {
    json["python"] = python;
  }
  json["mpi"] = mpi_version();
  json["argv"] = config.argv;
  json["meta_auto"] = keys_added(request);
  json["started"] = facts.started;
  json["model"] = joined(config.models);
  json["model_hash"] = joined(facts.model_hashes);
  json["model_kind"] = joined(facts.model_kinds);
  if (plan.layout.members > 1) {
    json["weights"] = plan.weights;
  }
  if (config.dropout_passes > 0) {
    json["dropout_passes"] = config.dropout_passes;
  }
  json["data"] = config.data;
  json["data_hash"] = facts.data_hash;
  json["source_samples"] = inputs.dataset.source_size();
  json["labels"] =
      inputs.dataset.labels() != nullptr ? inputs.dataset.labels()->field().name : config.labels;
  if (auto const names = class_names(inputs); !names.empty()) {
    json["class_names"] = names;
  }
  if (config.images.given()) {
    json["images"] = image_settings(config.images);
  }
  json["input_types"] = input_types(inputs, plan.probe);
  json["normalize"] = config.normalize;
  put_ranks(json, plan, machine);
  json["threads"] = machine.threads;
  json["precision"] = name_of(config.precision);
  json["seed"] = config.seed;
  json["batch_size"] = config.batch_size;
  json["batch_size_evidence"] = facts.batch_evidence;
  if (!facts.micro_batches.empty()) {
    json["micro_batches"] = Json::array();
    for (auto const size : facts.micro_batches) {
      json["micro_batches"].push_back(std::to_string(size));
    }
  }
  json["output_mode"] = plan.probe.mode_text();
  json["output_mode_asked"] = name_of(config.output_mode);
  json["output_mode_evidence"] = plan.probe.evidence_text();
  json["transforms"] = config.transforms;
  json["output_key"] = config.output_key;
  json["output_type"] = plan.probe.models.empty() ? "" : name_of(plan.probe.models[0].output_type);
  for (auto const& [stage, seconds] : facts.seconds) {
    json["seconds_" + stage] = seconds;
  }
  json["peak_anonymous_bytes"] = facts.peak_anonymous;
  json["blocks_of_earlier_jobs"] = facts.blocks_before;
  json["settings"] = store::to_lines(facts.settings);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace

MetaRequest parse_meta_request(Config const& config) {
  MetaRequest request;
  json::set(request.user, "model_name",
            config.model_name ? json_string(*config.model_name) : std::string("null"));
  if (config.model_epoch) {
    json::set(request.user, "model_epoch", std::to_string(*config.model_epoch));
  }
  for (auto const& argument : config.meta) {
    if (argument == "auto") {
      request.automatic = true;
    } else if (!argument.empty() && argument[0] == '@') {
      add_file(request.user, argument);
    } else {
      add_entry(request.user, argument);
    }
  }
  return request;
}

std::string utc_now() {
  auto const now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

store::Contents make_contents(Config const& config, MetaRequest const& request, Plan const& plan,
                              Inputs const& inputs, Machine const& machine, JobFacts const& facts,
                              store::Metrics const& metrics) {
  return {make_meta(config, request, plan, machine, facts, metrics),
          make_provenance(config, request, plan, inputs, machine, facts)};
}

} // namespace fod
