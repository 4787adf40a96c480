#include "fod/convert.hpp"

#include "document.hpp"
#include "fod/error.hpp"
#include "fod/output_claim.hpp"
#include "new_file.hpp"
#include "spool.hpp"

#include <ctime>
#include <filesystem>
#include <utility>

namespace fod {

namespace {

namespace fs = std::filesystem;

double processor_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Threads read it at several places.
void refuse_stream(std::string const& path) {
  std::error_code ignored;
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored)) {
    throw bad_input("cannot import " + path, "it is no regular file and can be read only once",
                    "save the JSON to a file first");
  }
}

/// All that a file holds, and all that is wrong with it.
struct Survey {
  ImportSummary summary;
  std::string meta;
};

/// Rows that come one at a time, made into batches.
class Collector {
public:
  Collector(json::Spool& spool, ImportSummary& summary) : spool_(spool), summary_(summary) {}

  void add(json::DocumentRow const& row) {
    batch_.classes = std::ssize(row.values);
    batch_.add(row.id, row.values, row.finite);
    constexpr std::size_t enough = std::size_t{1} << 20;
    if (batch_.bytes() >= enough) {
      end_batch();
    }
  }
  void add(json::RowBatch&& batch) {
    end_batch();
    put(std::move(batch));
  }
  void end_batch() {
    if (batch_.rows() > 0) {
      put(std::exchange(batch_, {}));
    }
  }

private:
  void put(json::RowBatch&& batch) {
    summary_.samples += batch.rows();
    summary_.type = batch.narrow ? summary_.type : ElementType::float64;
    spool_.put(std::move(batch));
  }

  json::Spool& spool_;
  ImportSummary& summary_;
  json::RowBatch batch_;
};

Survey survey(std::string const& path, ImportOptions const& options, json::Spool& spool) {
  Survey survey;
  auto& summary = survey.summary;
  Collector rows(spool, summary);
  json::Document document(path, options.threads);
  document.on_finding = [&](std::string const& finding) {
    ++summary.finding_count;
    if (summary.findings.size() < import_finding_limit) {
      summary.findings.push_back(finding);
    }
  };
  document.on_row = [&](json::DocumentRow const& row) { rows.add(row); };
  document.on_batch = [&](json::RowBatch&& batch) { rows.add(std::move(batch)); };
  document.on_progress = options.on_progress;
  document.walk();
  rows.end_batch();
  summary.skipped = document.skipped();
  summary.classes = document.classes();
  survey.meta = document.meta();
  return survey;
}

} // namespace

ImportSummary import_json(std::string const& in_path, std::string const& out_path,
                          ImportOptions const& options) {
  double const start = processor_seconds();
  refuse_stream(in_path);
  store::OutputClaim const claim(out_path, {options.overwrite, false});
  json::Spool spool(out_path);
  auto found = survey(in_path, options, spool);
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
  json::NewFile const file{summary.samples, summary.classes, summary.type,
                           found.meta,      "fod import",    fs::path(in_path).filename().string()};
  json::write_new_file(out_path, file, [&](json::RowWriter& rows) {
    spool.drain([&](json::RowBatch& batch) { rows.add(batch); });
  });
  summary.written = true;
  summary.processor_seconds = processor_seconds() - start;
  return summary;
}

} // namespace fod
