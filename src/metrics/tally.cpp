#include "tally.hpp"

#include "summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fod::metrics {

namespace {

double entropy_of(std::span<double const> probabilities) {
  double sum = 0;
  for (auto const p : probabilities) {
    sum -= p > 0 ? p * std::log(p) : 0;
  }
  return sum;
}

void append(std::vector<double>& to, std::vector<double> const& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void add_counts(std::vector<std::int64_t>& to, std::vector<std::int64_t> const& from) {
  std::transform(to.begin(), to.end(), from.begin(), to.begin(), std::plus<>());
}

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole)
                   : std::numeric_limits<double>::quiet_NaN();
}

} // namespace

void BinSums::add(std::size_t figure, double confidence, bool correct) {
  auto const bin = static_cast<std::size_t>(bin_of(confidence, bins_));
  auto& cell = cells_[figure * static_cast<std::size_t>(bins_) + bin];
  ++cell.count;
  cell.correct += correct ? 1 : 0;
  cell.confidence.add(confidence);
}

void BinSums::add(BinSums const& other) {
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    cells_[i].count += other.cells_[i].count;
    cells_[i].correct += other.cells_[i].correct;
    cells_[i].confidence.add(other.cells_[i].confidence);
  }
}

std::vector<ReliabilityBin> BinSums::bins(std::size_t figure) const {
  std::vector<ReliabilityBin> all;
  for (std::int64_t b = 0; b < bins_; ++b) {
    auto const& cell =
        cells_[figure * static_cast<std::size_t>(bins_) + static_cast<std::size_t>(b)];
    all.push_back(reliability_bin(b, bins_, cell.count, cell.correct, cell.confidence.value()));
  }
  return all;
}

Tally::Tally(Columns const& columns, std::int64_t bins)
    : columns_(columns), predicted_(columns.classes, 0),
      labels_(columns.labels ? columns.classes : 0, 0), top_(1, bins),
      by_class_(columns.labels ? columns.classes : 0, bins) {}

void Tally::add(Portion const& portion, std::size_t row) {
  if (!portion.counts(row)) {
    bool const unreadable = portion.status[row] == static_cast<std::uint8_t>(RowStatus::unreadable);
    ++(unreadable ? unreadable_ : nonfinite_);
    return;
  }
  ++samples_;
  auto const p = portion.prediction(row);
  auto const prediction = first_largest(p);
  ++predicted_[static_cast<std::size_t>(prediction)];
  confidence_.add(p[static_cast<std::size_t>(prediction)]);
  entropy_.push_back(entropy_of(p));
  if (columns_.decomposition) {
    aleatoric_.add(portion.aleatoric[row]);
    epistemic_.add(portion.epistemic[row]);
    disagreement_.add(portion.disagreement[row]);
  }
  if (columns_.labels && portion.labels[row] >= 0) {
    add_label(portion, row, prediction);
    if (columns_.votes) {
      add_votes(portion, row, prediction);
    }
  }
  if (columns_.truth) {
    add_truth(portion, row);
  }
}

void Tally::add_label(Portion const& portion, std::size_t row, std::int64_t prediction) {
  auto const p = portion.prediction(row);
  auto const label = portion.labels[row];
  auto const of_label = p[static_cast<std::size_t>(label)];
  auto const confidence = p[static_cast<std::size_t>(prediction)];
  ++labelled_;
  ++labels_[static_cast<std::size_t>(label)];
  correct_ += prediction == label ? 1 : 0;
  labelled_confidence_.add(confidence);
  nll_.add(log_loss(of_label));
  clipped_ += of_label < least_probability ? 1 : 0;
  brier_.add(brier_score(p, label));
  top_.add(0, confidence, prediction == label);
  for (std::size_t k = 0; k < p.size(); ++k) {
    by_class_.add(k, p[k], static_cast<std::int64_t>(k) == label);
  }
}

void Tally::add_votes(Portion const& portion, std::size_t row, std::int64_t prediction) {
  auto const p = portion.prediction(row);
  auto const q = row_of(portion.votes, row, columns_.classes);
  double loss = 0;
  double squares = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    loss += q[k] > 0 ? q[k] * log_loss(p[k]) : 0;
    squares += (p[k] - q[k]) * (p[k] - q[k]);
  }
  soft_loss_.add(loss);
  soft_brier_.add(squares);
  soft_accuracy_.add(q[static_cast<std::size_t>(prediction)]);
  label_entropy_.add(entropy_of(q));
}

void Tally::add_truth(Portion const& portion, std::size_t row) {
  if (portion.truth_known[row] == 0) {
    ++truth_left_out_;
    return;
  }
  auto const p = portion.prediction(row);
  auto const t = row_of(portion.truth, row, columns_.classes);
  double distance = 0;
  double divergence = 0;
  bool infinite = false;
  for (std::size_t k = 0; k < p.size(); ++k) {
    distance += std::abs(t[k] - p[k]);
    if (t[k] > 0) {
      infinite = infinite || p[k] <= 0;
      divergence += p[k] > 0 ? t[k] * std::log(t[k] / p[k]) : 0;
    }
  }
  l1_.push_back(distance);
  if (infinite) {
    ++infinite_kl_;
  } else {
    kl_.push_back(divergence);
  }
}

void Tally::add(Tally const& other) {
  nonfinite_ += other.nonfinite_;
  unreadable_ += other.unreadable_;
  samples_ += other.samples_;
  labelled_ += other.labelled_;
  correct_ += other.correct_;
  clipped_ += other.clipped_;
  confidence_.add(other.confidence_);
  labelled_confidence_.add(other.labelled_confidence_);
  nll_.add(other.nll_);
  brier_.add(other.brier_);
  aleatoric_.add(other.aleatoric_);
  epistemic_.add(other.epistemic_);
  disagreement_.add(other.disagreement_);
  soft_loss_.add(other.soft_loss_);
  soft_brier_.add(other.soft_brier_);
  soft_accuracy_.add(other.soft_accuracy_);
  label_entropy_.add(other.label_entropy_);
  add_counts(predicted_, other.predicted_);
  add_counts(labels_, other.labels_);
  top_.add(other.top_);
  by_class_.add(other.by_class_);
  append(entropy_, other.entropy_);
  append(l1_, other.l1_);
  append(kl_, other.kl_);
  truth_left_out_ += other.truth_left_out_;
  infinite_kl_ += other.infinite_kl_;
}

void Tally::tell(Report& report) {
  report.nonfinite = nonfinite_;
  report.unreadable = unreadable_;
  report.samples = samples_;
  report.has_labels = columns_.labels;
  report.mean_confidence = confidence_.mean(samples_);
  report.class_counts = predicted_;
  report.entropy = summarise(entropy_);
  if (columns_.decomposition) {
    auto const aleatoric = aleatoric_.mean(samples_);
    auto const epistemic = epistemic_.mean(samples_);
    report.decomposition =
        Decomposition{aleatoric + epistemic, aleatoric, epistemic, disagreement_.mean(samples_)};
  }
  tell_labelled(report.labelled);
  if (columns_.votes) {
    report.soft = SoftScores{soft_loss_.mean(labelled_), soft_brier_.mean(labelled_),
                             soft_accuracy_.mean(labelled_), label_entropy_.mean(labelled_)};
  }
  if (columns_.truth) {
    tell_truth(report.truth.emplace());
  }
}

void Tally::tell_labelled(LabelScores& scores) const {
  scores.samples = labelled_;
  scores.accuracy = share(correct_, labelled_);
  scores.mean_confidence = labelled_confidence_.mean(labelled_);
  scores.nll = nll_.mean(labelled_);
  scores.clipped = clipped_;
  scores.brier = brier_.mean(labelled_);
  scores.class_counts = labels_;
  scores.reliability = top_.bins(0);
  scores.calibration = calibration_error(scores.reliability);
  scores.classwise_ece = std::numeric_limits<double>::quiet_NaN();
  if (labelled_ > 0) {
    double sum = 0;
    for (std::size_t k = 0; k < columns_.classes; ++k) {
      sum += calibration_error(by_class_.bins(k)).expected;
    }
    scores.classwise_ece = sum / static_cast<double>(columns_.classes);
  }
}

void Tally::tell_truth(TruthReport& truth) {
  truth.samples = std::ssize(l1_);
  truth.left_out = truth_left_out_;
  truth.infinite_kl = infinite_kl_;
  truth.l1 = summarise(l1_);
  auto& tv = truth.tv = truth.l1;
  for (auto* const value : {&tv.mean, &tv.sd, &tv.min, &tv.q1, &tv.median, &tv.q3, &tv.max}) {
    *value /= 2;
  }
  truth.kl = summarise(kl_);
}

} // namespace fod::metrics
