#include "fod/convert.hpp"

#include "document.hpp"
#include "fod/error.hpp"
#include "fod/json.hpp"
#include "fod/output_claim.hpp"
#include "fod/utf8.hpp"
#include "row_writer.hpp"

#include <cmath>
#include <filesystem>
#include <limits>

namespace fod {

namespace {

namespace fs = std::filesystem;

bool is_float32(double value) {
  bool const in_range = std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max());
  return !std::isfinite(value) ||
         (in_range && static_cast<double>(static_cast<float>(value)) == value);
}

/// Two passes need a file that can be read twice.
void refuse_stream(std::string const& path) {
  std::error_code ignored;
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored)) {
    throw bad_input("cannot import " + path, "it is no regular file and can be read only once",
                    "save the JSON to a file first");
  }
}

/// First pass: what there is, and all that is wrong with it.
struct Survey {
  ImportSummary summary;
  std::string meta;
};

Survey survey(std::string const& path) {
  Survey survey;
  auto& summary = survey.summary;
  json::Document document(path);
  document.on_finding = [&](std::string const& finding) {
    ++summary.finding_count;
    if (summary.findings.size() < import_finding_limit) {
      summary.findings.push_back(finding);
    }
  };
  document.on_row = [&](json::DocumentRow const& row) {
    ++summary.samples;
    for (auto const value : row.values) {
      if (!is_float32(value)) {
        summary.type = ElementType::float64;
      }
    }
  };
  document.walk();
  summary.skipped = document.skipped();
  summary.classes = document.classes();
  survey.meta = document.meta();
  return survey;
}

store::Layout layout_of(ImportSummary const& summary) {
  store::Layout layout;
  layout.grid = BlockGrid(summary.samples, 64);
  layout.blocks = {0, layout.grid.block_count()};
  layout.classes = summary.classes;
  layout.distribution_type = summary.type;
  layout.explicit_ids = true;
  return layout;
}

std::string provenance_of(std::string const& path) {
  auto const quoted = [](std::string const& text) {
    std::string out;
    json::append_string(out, repaired_utf8(text));
    return out;
  };
  return json::to_text({{"tool", quoted("fod import")},
                        {"source", quoted(fs::path(path).filename().string())},
                        {"precision", quoted("fp32")},
                        {"output_mode", quoted("imported")}});
}

void refuse_changed(std::string const& path) {
  throw run_failure(path + " changed while it was read", "its two readings differ",
                    "let its writer finish, then import it again");
}

/// Second pass: writes what the first one found.
void write_rows(std::string const& in_path, std::string const& out_path, Survey const& survey) {
  auto const layout = layout_of(survey.summary);
  store::Contents const contents{survey.meta, provenance_of(in_path)};
  auto writer = store::ResultWriter::create(out_path, layout, contents, Comm::alone());
  json::RowWriter rows(writer, layout);
  json::Document document(in_path);
  document.on_finding = [](std::string const&) {};
  document.on_row = [&](json::DocumentRow const& row) {
    if (std::ssize(row.values) != layout.classes) {
      refuse_changed(in_path);
    }
    rows.add(row);
  };
  document.walk();
  if (rows.rows() != layout.samples().size() || document.meta() != survey.meta) {
    refuse_changed(in_path);
  }
  writer.finish(contents, rows.metrics());
}

} // namespace

ImportSummary import_json(std::string const& in_path, std::string const& out_path,
                          ImportOptions options) {
  refuse_stream(in_path);
  store::OutputClaim const claim(out_path, {options.overwrite, false});
  auto found = survey(in_path);
  auto& summary = found.summary;
  if (summary.finding_count > 0 && !options.lenient) {
    return summary;
  }
  if (summary.samples == 0 && summary.skipped > 0) {
    throw bad_input("nothing of " + in_path + " can be taken",
                    "none of its " + std::to_string(summary.skipped) +
                        " rows is usable; found first: " + summary.findings.front(),
                    "give {\"0\": [0.1, 0.9], ...} as \"distributions\"");
  }
  try {
    write_rows(in_path, out_path, found);
  } catch (...) {
    std::error_code ignored; // an import is cheap to repeat: no partial file stays
    fs::remove(store::partial_path(out_path), ignored);
    throw;
  }
  summary.written = true;
  return summary;
}

} // namespace fod
