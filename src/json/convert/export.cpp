#include "parts.hpp"

#include "fod/error.hpp"
#include "fod/json.hpp"

#include <chrono>
#include <deque>

namespace fod {

namespace {

void refuse_partial(store::ResultReader const& reader) {
  if (!reader.complete()) {
    throw bad_input(reader.path() + " is not complete", "the job that writes it has not finished",
                    "let it finish, or run it again with --resume, then export its result");
  }
}

void refuse_without_distributions(store::ResultReader const& reader) {
  if (!reader.layout().distributions) {
    throw bad_input(reader.path() + " holds no distributions",
                    "it was made with --no-distributions, for groups alone",
                    "read its groups by `fod groups`, or run the job without that flag");
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A file to be written.
struct Target {
  std::string path;
  std::vector<json::Part> parts;
};

/// "r_entropy.npy" beside "r.npy"
std::string beside(std::string const& path, std::string const& name, std::string const& ending) {
  return path.substr(0, path.rfind('.')) + "_" + name + ending;
}

std::vector<Target> npy_targets(store::ResultReader const& reader, std::string const& path,
                                ExportOptions const& options) {
  std::vector<Target> targets;
  for (auto const& section : json::exported_sections(reader)) {
    bool const main = section.path == "/distributions";
    if (main || options.all) {
      targets.push_back({main ? path : beside(path, json::short_name(section), ".npy"),
                         json::npy_parts(reader, section, options.float32)});
    }
  }
  if (options.all && !options.groups.empty()) {
    targets.push_back(
        {beside(path, "groups", ".json"), {{json::canonical(options.groups), {}, {}, {}}}});
  }
  return targets;
}

std::vector<Target> targets_of(store::ResultReader const& reader, std::string const& path,
                               ExportFormat format, ExportOptions const& options) {
  switch (format) {
  case ExportFormat::csv:
    return {{path, json::csv_parts(reader, options)}};
  case ExportFormat::npy:
    return npy_targets(reader, path, options);
  case ExportFormat::json:
    break;
  }
  return {{path, json::json_parts(reader, options)}};
}

/// What a damaged file says of itself is refused before anything is written.
std::int64_t check_columns(store::ResultReader const& reader, std::vector<Target> const& targets) {
  std::int64_t with_rows = 0;
  for (auto const& target : targets) {
    for (auto const& part : target.parts) {
      json::ColumnReader const checked(reader, part.columns);
      with_rows += part.columns.empty() ? 0 : 1;
    }
  }
  return with_rows;
}

} // namespace

ExportFormat export_format(std::string const& path) {
  if (path == "-" || path.ends_with(".json")) {
    return ExportFormat::json;
  }
  if (path.ends_with(".csv")) {
    return ExportFormat::csv;
  }
  if (path.ends_with(".npy")) {
    return ExportFormat::npy;
  }
  throw bad_input("cannot export to " + path, "its ending names no known format",
                  "end it in .json, .csv or .npy, or give `-` for JSON on standard output");
}

ExportSummary export_file(store::ResultReader const& reader, std::string const& out_path,
                          ExportFormat format, ExportOptions const& options) {
  auto const start = std::chrono::steady_clock::now();
  refuse_partial(reader);
  refuse_without_distributions(reader);
  auto const targets = targets_of(reader, out_path, format, options);
  json::Exporter exporter(reader, options, check_columns(reader, targets));
  std::deque<json::Output> outputs;
  for (auto const& target : targets) {
    outputs.emplace_back(target.path, options.overwrite);
  }
  for (std::size_t i = 0; i < targets.size(); ++i) {
    exporter.write(targets[i].parts, outputs[i]);
  }
  ExportSummary summary{reader.rows(), reader.classes(), 0, {}, exporter.seconds()};
  summary.seconds.clock = seconds_since(start);
  auto const written = std::chrono::steady_clock::now();
  for (auto& output : outputs) {
    output.sync();
  }
  // The one that was asked for comes last: where it is, the others are.
  for (std::size_t i = targets.size(); i-- > 0;) {
    summary.bytes += outputs[i].commit();
  }
  summary.seconds.sync = seconds_since(written);
  for (auto const& target : targets) {
    summary.paths.push_back(target.path);
  }
  return summary;
}

ExportSummary export_json(store::ResultReader const& reader, std::string const& out_path,
                          ExportOptions const& options) {
  return export_file(reader, out_path, ExportFormat::json, options);
}

} // namespace fod
