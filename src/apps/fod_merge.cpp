#include "fod.hpp"
#include "fod_metric_rows.hpp"

#include "fod/merge.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>

namespace fod::app {

namespace {

struct Options {
  std::string out;
  std::vector<std::string> inputs;
  MergeOptions how;
  bool json = false;
};

std::string as_text(Options const& options, MergeReport const& report) {
  auto text = options.out + ": " + counted(report.samples.size(), "sample") + ", " +
              (report.classes > 0 ? counted(report.classes, "class") + ", " : "") + "from " +
              counted(std::ssize(report.files), "file") + "\n";
  for (auto const& [name, value] : report.metrics.values) {
    if (is_worth_telling(name, value)) {
      text += "  " + name + " " + decimal(value, 4) + "\n";
    }
  }
  for (auto const& note : report.notes) {
    text += "  " + note + "\n";
  }
  for (auto const& what : report.left_out) {
    text += "  left out: " + what + "\n";
  }
  return text;
}

std::string as_json(Options const& options, MergeReport const& report) {
  using Json = nlohmann::ordered_json;
  auto files = Json::array();
  for (auto const& file : report.files) {
    files.push_back({{"path", file.path},
                     {"samples", {file.samples.begin, file.samples.end}},
                     {"shard", file.shards > 0 ? Json{file.shard, file.shards} : Json(nullptr)}});
  }
  auto layers = Json::object();
  for (auto const& layer : report.layers) {
    layers[layer.layer] = {{"groups", layer.groups.size()}};
  }
  Json const document{{"path", options.out},
                      {"samples", {report.samples.begin, report.samples.end}},
                      {"classes", report.classes},
                      {"files", files},
                      {"metrics", report.metrics.values},
                      {"layers", layers},
                      {"left_out", report.left_out}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

ExitCode merge(Options const& options) {
  auto const report = merge_files(options.inputs, options.out, options.how);
  print(options.json ? as_json(options, report) : as_text(options, report));
  return ExitCode::done;
}

} // namespace

Command add_merge(CLI::App& program) {
  auto const options = std::make_shared<Options>();
  auto* const flags = program.add_subcommand(
      "merge",
      "Join the files of `fod-generate --shards`, or of jobs over disjoint --range, given in any "
      "order, into the file that one job would have written. Rows are compared with their "
      "checksums "
      "while they are copied; then groups of neurons are found, as the jobs were asked to");
  flags->add_option("out", options->out, "Result file R.h5 to be written")->required();
  flags->add_option("files", options->inputs, "Files to be joined");
  flags->add_flag("--overwrite", options->how.overwrite, "Replace an existing output");
  flags->add_flag(
      "--allow-partial", options->how.allow_partial,
      "Join files that follow one another though samples are missing at the ends of the "
      "dataset; the result can be merged with the others later");
  flags->add_flag("--json", options->json, "Print what was merged as JSON");
  return {flags, "fod merge R.h5 R.*-of-00008.h5", [options] { return merge(*options); }};
}

} // namespace fod::app
