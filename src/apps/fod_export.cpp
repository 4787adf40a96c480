#include "fod.hpp"

#include "fod/convert.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>

namespace fod::app {

namespace {

struct Options {
  std::string in;
  std::string out;
  ExportOptions how;
  bool json = false;
};

void refuse_unknown_format(Options const& options) {
  if (options.out != "-" && !options.out.ends_with(".json")) {
    throw bad_input("cannot export to " + options.out, "its ending names no known format",
                    "end it in .json, or give `-` for JSON on standard output");
  }
  if (options.out == "-" && options.json) {
    throw bad_input("cannot print a report", "standard output takes the distributions",
                    "leave out --json, or export to a file");
  }
}

ExitCode export_file(Options const& options) {
  refuse_unknown_format(options);
  auto const summary = export_json(open_result(options.in), options.out, options.how);
  if (options.json) {
    nlohmann::ordered_json const report{{"path", options.out},
                                        {"samples", summary.samples},
                                        {"classes", summary.classes},
                                        {"bytes", summary.bytes}};
    print(report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  } else if (options.out != "-") {
    print(options.out + ": " + counted(summary.samples, "sample") + ", " +
          counted(summary.classes, "class") + ", " + counted(summary.bytes, "byte") + "\n");
  }
  return ExitCode::done;
}

} // namespace

Command add_export(CLI::App& program) {
  auto const options = std::make_shared<Options>();
  auto* const flags =
      program.add_subcommand("export", "Write a result file's distributions as JSON");
  flags->add_option("file", options->in, "Result file R.h5")->required();
  flags->add_option("out", options->out, "Output OUT.json, or - for standard output")->required();
  flags->add_flag("--float32", options->how.float32,
                  "Shortest float32 digits: smaller, the same float32");
  flags->add_flag("--overwrite", options->how.overwrite, "Replace an existing output");
  flags->add_flag("--json", options->json, "Print what was written as JSON");
  return {flags, "fod export R.h5 R.json", [options] { return export_file(*options); }};
}

} // namespace fod::app
