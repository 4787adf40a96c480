#include "conformal.hpp"
#include "credal.hpp"
#include "portion.hpp"
#include "tally.hpp"

#include "fod/error.hpp"
#include "fod/metrics.hpp"
#include "fod/text.hpp"
#include "fod/workers.hpp"

#include <algorithm>
#include <vector>

namespace fod::metrics {

namespace {

/// Rows that a thread takes at a time. Sums are exact, so this changes no figure.
constexpr std::int64_t task_rows = 64;

/// What every thread adds up, and all of it together.
template <class Part>
class PerThread {
public:
  PerThread(int threads, Part const& empty) : parts_(static_cast<std::size_t>(threads), empty) {}
  [[nodiscard]] Part& of(int thread) { return parts_[static_cast<std::size_t>(thread)]; }
  [[nodiscard]] Part& joined() {
    while (parts_.size() > 1) {
      parts_.front().add(parts_.back());
      parts_.pop_back();
    }
    return parts_.front();
  }

private:
  std::vector<Part> parts_;
};

/// Shows every row to `visit(portion, row, thread)`, portion by portion.
template <class Visit>
void for_rows(PortionReader const& reader, std::int64_t rows, Workers& workers,
              Visit const& visit) {
  Portion portion;
  for (std::int64_t begin = 0; begin < rows; begin += reader.step()) {
    IndexRange const part{begin, std::min(rows, begin + reader.step())};
    reader.read(part, portion);
    auto const tasks = (part.size() + task_rows - 1) / task_rows;
    workers.run(tasks, [&](std::int64_t task, int thread) {
      auto const end = std::min(part.size(), (task + 1) * task_rows);
      for (auto row = task * task_rows; row < end; ++row) {
        visit(portion, static_cast<std::size_t>(row), thread);
      }
    });
  }
}

/// Each thread has bins of its own for every class: fewer threads, if they would take too much.
int threads_for(PortionReader const& reader, Request const& request) {
  constexpr std::int64_t most_cells = std::int64_t{1} << 25;
  auto const classes = static_cast<std::int64_t>(reader.columns().classes);
  auto const cells = std::max<std::int64_t>(1, classes * request.bins);
  if (cells > most_cells) {
    throw bad_input("--bins " + std::to_string(request.bins) + " are too many",
                    counted(classes, "class") + " have bins each", "give fewer");
  }
  return static_cast<int>(std::clamp<std::int64_t>(most_cells / cells, 1, request.threads));
}

void require_labels(PortionReader const& reader, store::ResultReader const& file,
                    Request const& request) {
  if (!request.conformal.methods.empty() && !reader.columns().labels) {
    throw bad_input("conformal sets need labels", file.path() + " has none",
                    "give --labels, or run fod-generate with --labels");
  }
}

} // namespace

Report measure(store::ResultReader const& reader, Request const& request) {
  PortionReader const portions(reader, request);
  require_labels(portions, reader, request);
  auto const& conformal = request.conformal;
  auto const threads = threads_for(portions, request);
  Workers workers(threads);
  PerThread tallies(threads, Tally(portions.columns(), request.bins));
  PerThread credal(threads, CredalTally(portions.columns(), request));
  PerThread calibrations(threads, Calibration(conformal));
  for_rows(portions, reader.rows(), workers,
           [&](Portion const& portion, std::size_t row, int thread) {
             tallies.of(thread).add(portion, row);
             credal.of(thread).add(portion, row);
             if (!conformal.methods.empty()) {
               calibrations.of(thread).add(portion, row);
             }
           });
  Report report;
  report.path = reader.path();
  report.rows = reader.rows();
  report.classes = reader.classes();
  report.request = request;
  tallies.joined().tell(report);
  if (report.truth) {
    report.truth->source = request.truth;
  }
  if (auto const failed = credal.joined().failed()) {
    throw run_failure("no distance to the credal set of sample " + std::to_string(*failed) +
                          " was found",
                      "the linear programme did not end", "look at the vertices of this sample");
  }
  credal.joined().tell(report);
  if (conformal.methods.empty()) {
    return report;
  }
  std::vector<double> thresholds;
  for (auto const& scores : calibrations.joined().scores()) {
    thresholds.push_back(conformal_threshold(scores, conformal.alpha));
  }
  PerThread sets(threads, ConformalSets(conformal, thresholds));
  for_rows(portions, reader.rows(), workers,
           [&](Portion const& portion, std::size_t row, int thread) {
             sets.of(thread).add(portion, row);
           });
  report.conformal = sets.joined().reports();
  for (auto& of_method : report.conformal) {
    of_method.calibration_samples = std::ssize(calibrations.joined().scores().front());
  }
  return report;
}

} // namespace fod::metrics
