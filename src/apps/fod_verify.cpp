#include "fod.hpp"
#include "fod_terminal.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>

namespace fod::app {

namespace {

struct Options {
  std::string path;
  bool json = false;
};

std::string rows_of(IndexRange rows) {
  return rows.size() == 1
             ? "row " + std::to_string(rows.begin)
             : "rows " + std::to_string(rows.begin) + " to " + std::to_string(rows.end - 1);
}

std::string as_text(store::ResultReader const& reader, store::Verdict const& verdict) {
  if (verdict.defect_count == 0) {
    auto const marked = verdict.nonfinite_rows > 0
                            ? " (" + counted(verdict.nonfinite_rows, "row") + " marked not finite)"
                            : "";
    return reader.path() + ": " + styled("valid", Style::good) + ": " +
           counted(verdict.rows, "sample") + marked + ", " + counted(reader.classes(), "class") +
           ", " + counted(reader.layout().blocks.size(), "block") + "\n";
  }
  std::string text = reader.path() + ": " + styled("not valid", Style::bad) + ": " +
                     counted(verdict.defect_count, "defect") + "\n";
  for (auto const& defect : verdict.defects) {
    text += "  " + defect.section + ", " + rows_of(defect.rows) + ": " + defect.what + "\n";
  }
  auto const listed = static_cast<std::int64_t>(verdict.defects.size());
  if (listed < verdict.defect_count) {
    text += "  and " + grouped(verdict.defect_count - listed) + " more\n";
  }
  return text;
}

std::string as_json(store::ResultReader const& reader, store::Verdict const& verdict) {
  using Json = nlohmann::ordered_json;
  auto defects = Json::array();
  for (auto const& defect : verdict.defects) {
    defects.push_back({{"section", defect.section},
                       {"rows", {defect.rows.begin, defect.rows.end}},
                       {"what", defect.what}});
  }
  Json const report{{"path", reader.path()},
                    {"valid", verdict.defect_count == 0},
                    {"samples", verdict.rows},
                    {"classes", reader.classes()},
                    {"blocks", reader.layout().blocks.size()},
                    {"nonfinite_rows", verdict.nonfinite_rows},
                    {"defect_count", verdict.defect_count},
                    {"defects", defects}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

ExitCode verify_file(Options const& options) {
  auto const reader = open_result(options.path);
  auto const verdict = store::verify(reader);
  print(options.json ? as_json(reader, verdict) : as_text(reader, verdict));
  return verdict.defect_count == 0 ? ExitCode::done : ExitCode::invalid;
}

} // namespace

Command add_verify(CLI::App& program) {
  auto const options = std::make_shared<Options>();
  auto* const flags =
      program.add_subcommand("verify", "Prove that a result file is complete and undamaged");
  flags->add_option("file", options->path, "Result file R.h5")->required();
  flags->add_flag("--json", options->json, "Print the verdict as JSON");
  return {flags, "fod verify R.h5", [options] { return verify_file(*options); }};
}

} // namespace fod::app
