#include "fod.hpp"

#include "fod/convert.hpp"
#include "fod/progress.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <unistd.h>

namespace fod::app {

namespace {

struct Options {
  std::string in;
  std::string out;
  ImportOptions how;
  int threads = 0; ///< 0: as many as there are cores
  bool json = false;
  bool progress = false;
};

void list_findings(Options const& options, ImportSummary const& summary) {
  if (summary.finding_count == 0) {
    return;
  }
  std::string text = options.in + ": " + counted(summary.finding_count, "finding") + "\n";
  for (auto const& finding : summary.findings) {
    text += "  " + finding + "\n";
  }
  auto const listed = static_cast<std::int64_t>(summary.findings.size());
  if (listed < summary.finding_count) {
    text += "  and " + grouped(summary.finding_count - listed) + " more\n";
  }
  std::fputs(text.c_str(), stderr);
}

std::string as_json(Options const& options, ImportSummary const& summary) {
  nlohmann::ordered_json const report{
      {"path", options.out},          {"samples", summary.samples},
      {"classes", summary.classes},   {"type", name_of(summary.type)},
      {"skipped", summary.skipped},   {"finding_count", summary.finding_count},
      {"findings", summary.findings}, {"processor_seconds", summary.processor_seconds}};
  return report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

ExitCode import_file(Options const& options) {
  auto how = options.how;
  how.threads = threads_or_cores(options.threads);
  std::error_code unknown;
  auto const bytes = std::filesystem::file_size(options.in, unknown);
  Progress progress("fod import", unknown ? 0 : static_cast<std::int64_t>(bytes),
                    options.progress || ::isatty(STDERR_FILENO) == 1, "bytes");
  how.on_progress = [&](std::int64_t done) { progress.show(done); };
  auto const summary = import_json(options.in, options.out, how);
  progress.end(static_cast<std::int64_t>(bytes));
  list_findings(options, summary);
  if (!summary.written) {
    throw bad_input(options.in + " was not imported",
                    counted(summary.finding_count, "finding") + ", listed above",
                    "correct the file, or pass --lenient to take what can be taken");
  }
  if (options.json) {
    print(as_json(options, summary));
    return ExitCode::done;
  }
  print(options.out + ": " + counted(summary.samples, "sample") + ", " +
        counted(summary.classes, "class") + ", " + std::string(name_of(summary.type)) +
        (summary.skipped > 0 ? ", " + counted(summary.skipped, "row") + " skipped" : "") + "\n");
  return ExitCode::done;
}

} // namespace

Command add_import(CLI::App& program) {
  auto const options = std::make_shared<Options>();
  auto* const flags =
      program.add_subcommand("import", "Read distributions from JSON into a result file");
  flags->add_option("file", options->in, "JSON file of distributions")->required();
  flags->add_option("out", options->out, "Result file R.h5 to be written")->required();
  flags->add_flag("--overwrite", options->how.overwrite, "Replace an existing output");
  flags->add_flag("--lenient", options->how.lenient,
                  "Take what can be taken and list the rest, instead of taking nothing");
  add_threads(*flags, options->threads);
  flags->add_flag("--progress", options->progress,
                  "Show progress, also where there is no terminal");
  flags->add_flag("--json", options->json, "Print what was written as JSON");
  return {flags, "fod import R.json R.h5", [options] { return import_file(*options); }};
}

} // namespace fod::app
