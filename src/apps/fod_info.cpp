#include "fod_info.hpp"

#include "fod.hpp"

#include <CLI/CLI.hpp>

#include <cmath>
#include <limits>
#include <memory>

namespace fod::app {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string path;
  std::size_t top = 5;
  bool json = false;
};

Json sections_of(Inside const& inside) {
  auto all = Json::array();
  for (auto const& section : inside.sections) {
    all.push_back({{"path", section.path},
                   {"type", name_of(section.type)},
                   {"shape", section.shape},
                   {"bytes", section.bytes()}});
  }
  return all;
}

Json metrics_of(Inside const& inside) {
  auto metrics = Json::object();
  for (auto const& [name, value] : inside.metrics) {
    metrics[name] = value;
  }
  metrics["class_counts"] = inside.class_counts;
  return metrics;
}

Json most_uncertain_of(Inside const& inside) {
  auto all = Json::array();
  for (auto const& sample : inside.most_uncertain) {
    Json entry{{"id", sample.id},
               {"entropy", sample.entropy},
               {"confidence", sample.confidence},
               {"prediction", sample.prediction}};
    if (inside.labels) {
      entry["label"] = sample.label ? Json(*sample.label) : Json(nullptr);
    }
    all.push_back(std::move(entry));
  }
  return all;
}

ExitCode tell(Options const& options) {
  auto const inside = look_inside(open_result(options.path), options.top);
  print(options.json ? as_json(inside) : as_table(inside));
  return ExitCode::done;
}

} // namespace

std::string as_json(Inside const& inside) {
  Json const members{{"path", inside.path},
                     {"complete", inside.complete},
                     {"shard", inside.shards > 0 ? Json{inside.shard, inside.shards} : Json()},
                     {"samples", inside.samples},
                     {"samples_done", inside.samples_done},
                     {"classes", inside.classes},
                     {"id_begin", inside.ids.begin},
                     {"id_end", inside.ids.end},
                     {"blocks", inside.blocks},
                     {"blocks_done", inside.blocks_done},
                     {"meta", nullptr},
                     {"metrics", metrics_of(inside)},
                     {"provenance", inside.provenance},
                     {"sections", sections_of(inside)},
                     {"most_uncertain", most_uncertain_of(inside)}};
  std::string text = "{";
  for (auto const& [key, value] : members.items()) {
    // The metadata goes through as it is: the library would lose big numbers and NaN.
    text +=
        (text.size() > 1 ? ",\n  \"" : "\n  \"") + key + "\": " +
        (key == "meta" ? inside.meta : value.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return text + "\n}\n";
}

Command add_info(CLI::App& program) {
  auto const options = std::make_shared<Options>();
  auto* const flags = program.add_subcommand("info", "Show what a result file holds");
  flags->add_option("file", options->path, "Result file R.h5, or R.h5.partial")->required();
  flags->add_flag("--json", options->json, "Print one JSON object");
  flags->add_option("--top", options->top, "How many of the most uncertain samples to list")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1000000}))
      ->capture_default_str();
  return {flags, "fod info R.h5", [options] { return tell(*options); }};
}

} // namespace fod::app
