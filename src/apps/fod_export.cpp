#include "fod.hpp"

#include "fod_groups.hpp"

#include "fod/convert.hpp"
#include "fod/progress.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <unistd.h>

namespace fod::app {

namespace {

struct Options {
  std::string in;
  std::string out;
  ExportOptions how;
  int threads = 0; ///< 0: as many as there are cores
  bool json = false;
  bool progress = false;
};

void refuse_two_on_stdout(Options const& options) {
  if (options.out == "-" && options.json) {
    throw bad_input("cannot print a report", "standard output takes the distributions",
                    "leave out --json, or export to a file");
  }
}

/// As `fod groups --json` gives them; empty if the file has none.
std::string groups_of(store::ResultReader const& reader) {
  if (store::read_layers(reader.file()).empty()) {
    return {};
  }
  return as_json(
      GroupsReport{reader.path(), read_groups(reader), store::read_events_summary(reader.file())});
}

std::string as_json(Options const& options, ExportSummary const& summary) {
  auto const& seconds = summary.seconds;
  nlohmann::ordered_json report{{"path", options.out},
                                {"samples", summary.samples},
                                {"classes", summary.classes},
                                {"bytes", summary.bytes},
                                {"files", summary.paths},
                                {"seconds",
                                 {{"read", seconds.read},
                                  {"form", seconds.form},
                                  {"write", seconds.write},
                                  {"clock", seconds.clock},
                                  {"sync", seconds.sync}}}};
  return report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

ExitCode export_file(Options const& options) {
  auto const format = export_format(options.out);
  refuse_two_on_stdout(options);
  auto const reader = open_result(options.in);
  auto how = options.how;
  how.threads = threads_or_cores(options.threads);
  how.groups = how.all ? groups_of(reader) : "";
  Progress progress("fod export", reader.rows(), options.progress || ::isatty(STDERR_FILENO) == 1);
  how.on_progress = [&](std::int64_t samples) { progress.show(samples); };
  auto const summary = fod::export_file(reader, options.out, format, how);
  progress.end(summary.samples);
  if (options.json) {
    print(as_json(options, summary));
  } else if (options.out != "-") {
    print(options.out + ": " + counted(summary.samples, "sample") + ", " +
          counted(summary.classes, "class") + ", " + counted(summary.bytes, "byte") +
          (summary.paths.size() > 1
               ? " in " + counted(static_cast<std::int64_t>(summary.paths.size()), "file")
               : "") +
          "\n");
  }
  return ExitCode::done;
}

} // namespace

Command add_export(CLI::App& program) {
  auto const options = std::make_shared<Options>();
  auto* const flags = program.add_subcommand(
      "export", "Write a result file's distributions as JSON, CSV or NumPy arrays");
  flags->add_option("file", options->in, "Result file R.h5")->required();
  flags
      ->add_option("out", options->out,
                   "Output OUT.json, OUT.csv or OUT.npy, or - for JSON on standard output")
      ->required();
  flags->add_flag("--float32", options->how.float32,
                  "Shortest float32 digits: smaller, the same float32");
  flags->add_flag("--all", options->how.all,
                  "Also members, logits, labels, uncertainty, row status and groups: further keys "
                  "(JSON), columns (CSV) or files beside OUT (npy)");
  add_threads(*flags, options->threads);
  flags->add_flag("--progress", options->progress,
                  "Show progress, also where there is no terminal");
  flags->add_flag("--overwrite", options->how.overwrite, "Replace an existing output");
  flags->add_flag("--json", options->json, "Print what was written as JSON");
  return {flags, "fod export R.h5 R.json", [options] { return export_file(*options); }};
}

} // namespace fod::app
