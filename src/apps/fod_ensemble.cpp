#include "fod.hpp"
#include "fod_metric_rows.hpp"
#include "fod_table.hpp"

#include "fod/ensemble_files.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>

namespace fod::app {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string out;
  std::vector<std::string> inputs;
  EnsembleOptions how;
  bool json = false;
};

std::string members_table(EnsembleReport const& report) {
  std::vector<Row> rows{{"member", "weight", "accuracy", "model", "file"}};
  for (auto const& member : report.members) {
    auto const part = member.of > 1 ? ", its member " + std::to_string(member.number) : "";
    rows.push_back({std::to_string(rows.size() - 1), decimal(member.weight, 4),
                    member.accuracy ? decimal(*member.accuracy, 4) : "-", shortened(member.name),
                    member.path + part});
  }
  return with_heading(rows, "rrrll");
}

std::string as_text(Options const& options, EnsembleReport const& report) {
  auto text = options.out + ": " + counted(report.samples.size(), "sample") + ", " +
              counted(report.classes, "class") + ", " +
              counted(std::ssize(report.members), "member") + "\n" +
              titled("members", members_table(report)) +
              titled("ensemble", aligned(metric_rows(report.metrics.values), "ll"));
  for (auto const& note : report.notes) {
    text += "\nnote: " + note;
  }
  for (auto const& what : report.left_out) {
    text += "\nleft out: " + what;
  }
  return text + (report.notes.empty() && report.left_out.empty() ? "" : "\n");
}

std::string as_json(Options const& options, EnsembleReport const& report) {
  auto members = Json::array();
  for (auto const& member : report.members) {
    members.push_back({{"path", member.path},
                       {"member", member.number},
                       {"of", member.of},
                       {"model", member.name},
                       {"weight", member.weight},
                       {"accuracy", member.accuracy ? Json(*member.accuracy) : Json(nullptr)}});
  }
  Json const document{{"path", options.out},
                      {"samples", {report.samples.begin, report.samples.end}},
                      {"classes", report.classes},
                      {"members", members},
                      {"metrics", report.metrics.values},
                      {"notes", report.notes},
                      {"left_out", report.left_out}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

ExitCode ensemble(Options const& options) {
  auto const report = ensemble_files(options.inputs, options.out, options.how);
  print(options.json ? as_json(options, report) : as_text(options, report));
  return ExitCode::done;
}

} // namespace

Command add_ensemble(CLI::App& program) {
  auto const options = std::make_shared<Options>();
  auto* const flags = program.add_subcommand(
      "ensemble",
      "Make an ensemble of result files of several models over the same samples: the weighted mean "
      "of their distributions, and its uncertainty taken apart. The members of a file that is an "
      "ensemble become members of this one");
  flags->add_option("out", options->out, "Result file R.h5 to be written")->required();
  flags->add_option("files", options->inputs, "Result files A.h5 B.h5 of the models");
  flags
      ->add_option("--weights", options->how.weights,
                   "Weights of the files, in their order; made to sum to 1")
      ->delimiter(',')
      ->allow_extra_args(false);
  flags->add_flag("--keep-members", options->how.keep_members,
                  "Keep each member's distribution too");
  flags->add_flag("--allow-other-data", options->how.allow_other_data,
                  "Join files though their input data differ: models that read the same samples in "
                  "different forms");
  flags->add_flag("--overwrite", options->how.overwrite, "Replace an existing output");
  flags->add_flag("--json", options->json, "Print what was made as JSON");
  return {flags, "fod ensemble R.h5 A.h5 B.h5 --weights 2,1",
          [options] { return ensemble(*options); }};
}

} // namespace fod::app
