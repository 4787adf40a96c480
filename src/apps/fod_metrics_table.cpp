#include "fod_metrics.hpp"
#include "fod_table.hpp"
#include "fod_terminal.hpp"

#include "fod/text.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace fod::app {

namespace {

using metrics::Report;
constexpr int digits = 4;

std::string overview(Report const& report) {
  auto text =
      report.path + ": " + counted(report.rows, "sample") + ", " + counted(report.classes, "class");
  if (report.samples < report.rows) {
    text += "\n  left out: " + grouped(report.nonfinite) + " not finite, " +
            grouped(report.unreadable) + " not readable";
  }
  return text + "\n";
}

std::string scores_table(Report const& report) {
  auto const& scores = report.labelled;
  std::vector<Row> rows;
  if (scores.samples > 0) {
    rows = {
        {"accuracy", decimal(scores.accuracy, digits)},
        {"mean confidence", decimal(scores.mean_confidence, digits)},
        {"NLL", decimal(scores.nll, digits), "nats"},
        {"Brier score", decimal(scores.brier, digits), "0 to 2"},
        {"ECE", decimal(scores.calibration.expected, digits), counted(report.request.bins, "bin")},
        {"MCE", decimal(scores.calibration.maximum, digits)},
        {"class-wise ECE", decimal(scores.classwise_ece, digits)}};
  } else if (report.samples > 0) {
    rows = {{"mean confidence", decimal(report.mean_confidence, digits)}};
  }
  if (report.soft && scores.samples > 0) {
    rows.push_back({"soft NLL", decimal(report.soft->cross_entropy, digits), "nats"});
    rows.push_back({"soft Brier score", decimal(report.soft->brier, digits)});
    rows.push_back({"soft accuracy", decimal(report.soft->accuracy, digits)});
    rows.push_back({"entropy of labels", decimal(report.soft->label_entropy, digits), "nats"});
  }
  return aligned(rows, "lrl");
}

Row summary_row(std::string const& name, metrics::Summary const& of) {
  Row row{name};
  for (auto const value : {of.mean, of.sd, of.min, of.q1, of.median, of.q3, of.max}) {
    row.push_back(decimal(value, digits));
  }
  return row;
}

Row const summary_titles{"", "mean", "sd", "min", "25 %", "median", "75 %", "max"};

std::string uncertainty_table(Report const& report) {
  auto text = with_heading({summary_titles, summary_row("entropy", report.entropy)}, "lrrrrrrr");
  if (report.decomposition) {
    auto const& of = *report.decomposition;
    text += "  of which " + decimal(of.aleatoric, digits) + " aleatoric, " +
            decimal(of.epistemic, digits) + " epistemic; disagreement of members " +
            decimal(of.disagreement, digits) + "\n";
  }
  return text;
}

/// A bar of so many tenths.
std::string bar(double share) {
  return std::string(static_cast<std::size_t>(std::lround(20 * std::clamp(share, 0.0, 1.0))), '#');
}

std::string reliability_table(Report const& report) {
  if (report.labelled.samples == 0) {
    return "";
  }
  std::vector<Row> rows{{"confidence", "samples", "mean", "accuracy", "gap", ""}};
  std::int64_t empty = 0;
  for (auto const& bin : report.labelled.reliability) {
    if (bin.count == 0) {
      ++empty;
      continue;
    }
    rows.push_back({decimal(bin.lower, 3) + " to " + decimal(bin.upper, 3), grouped(bin.count),
                    decimal(bin.mean_confidence, digits), decimal(bin.accuracy, digits),
                    decimal(bin.accuracy - bin.mean_confidence, digits), bar(bin.accuracy)});
  }
  auto text = with_heading(rows, "lrrrrl");
  return empty > 0 ? text + "  and " + counted(empty, "bin") + " without samples\n" : text;
}

std::string classes_table(Report const& report, std::size_t top) {
  auto const& predicted = report.class_counts;
  auto const& labels = report.labelled.class_counts;
  if (report.samples == 0 || top == 0) {
    return "";
  }
  auto const order = most_frequent(predicted, top);
  auto const most = *std::max_element(predicted.begin(), predicted.end());
  std::vector<Row> rows{{"class", "predicted", "share", "labelled", ""}};
  for (auto const k : order) {
    rows.push_back({std::to_string(k), grouped(predicted[k]), percent(predicted[k], report.samples),
                    labels.empty() ? "-" : grouped(labels[k]),
                    bar(static_cast<double>(predicted[k]) / static_cast<double>(most))});
  }
  auto text = with_heading(rows, "rrrrl");
  if (order.size() < predicted.size()) {
    text += "  the most frequent " + std::to_string(order.size()) + " of " +
            grouped(std::ssize(predicted)) + " classes (--top lists more)\n";
  }
  return text;
}

std::string truth_table(Report const& report) {
  if (!report.truth) {
    return "";
  }
  auto const& truth = *report.truth;
  auto text = with_heading({summary_titles, summary_row("L1", truth.l1),
                            summary_row("TV", truth.tv), summary_row("KL", truth.kl)},
                           "lrrrrrrr");
  if (truth.infinite_kl > 0) {
    text += "  KL is infinite for " + counted(truth.infinite_kl, "sample") + ", left out of it\n";
  }
  if (truth.left_out > 0) {
    text += "  " + counted(truth.left_out, "sample") + " without a true distribution left out\n";
  }
  return text;
}

std::string credal_table(Report const& report) {
  if (report.credal.empty()) {
    return "";
  }
  std::vector<Row> rows{
      {"set", "kind", "samples", "coverage", "efficiency", "mean width", "mean TV", "max TV"}};
  for (auto const& of : report.credal) {
    rows.push_back({of.from == "radius" ? "radius " + decimal(*report.request.radius, 3) : of.from,
                    of.kind, grouped(of.samples), decimal(of.coverage, digits),
                    decimal(of.efficiency, digits), decimal(of.mean_width, digits),
                    decimal(of.mean_distance, digits), decimal(of.max_distance, digits)});
  }
  return with_heading(rows, "llrrrrrr");
}

std::string conformal_table(Report const& report) {
  if (report.conformal.empty()) {
    return "";
  }
  std::vector<Row> rows{
      {"method", "calibrated on", "tried on", "threshold", "coverage", "mean size", "empty"}};
  for (auto const& of : report.conformal) {
    rows.push_back({std::string(metrics::name_of(of.method)), grouped(of.calibration_samples),
                    grouped(of.samples), decimal(of.threshold, digits),
                    decimal(of.coverage, digits), decimal(of.mean_size, digits),
                    decimal(of.empty, digits)});
  }
  return with_heading(rows, "lrrrrrr");
}

std::string definitions_table(Report const& report) {
  std::vector<Row> rows;
  for (auto const& [name, definition] : definitions_of(report)) {
    constexpr std::size_t width = 84;
    std::istringstream lines(wrapped(definition, width));
    auto title = name;
    for (std::string line; std::getline(lines, line); title.clear()) {
      rows.push_back({title, line});
    }
  }
  return aligned(rows, "ll");
}

} // namespace

std::string as_table(Report const& report, std::size_t top) {
  auto const& scores = report.labelled;
  auto const of_labels =
      scores.samples > 0 ? "scores of " + counted(scores.samples, "labelled sample") : "scores";
  auto const& conformal = report.request.conformal;
  auto text = overview(report) + titled(of_labels, scores_table(report)) +
              titled("uncertainty, in nats",
                     report.samples > 0 ? uncertainty_table(report) : std::string()) +
              titled("reliability", reliability_table(report)) +
              titled("classes", classes_table(report, top));
  if (report.truth) {
    text += titled("distance to " + report.truth->source + ", of " +
                       counted(report.truth->samples, "sample"),
                   truth_table(report));
  }
  text += titled(std::string("credal sets, tried on ") +
                     (report.truth_is_label ? "labels" : "true distributions"),
                 credal_table(report)) +
          titled("conformal sets, alpha " + decimal(conformal.alpha, 3) + ", seed " +
                     std::to_string(conformal.seed),
                 conformal_table(report)) +
          titled("definitions", definitions_table(report));
  for (auto const& line : missing_of(report)) {
    text += "\n" + line + "\n";
  }
  return text;
}

} // namespace fod::app
