#pragma once

#include "exact_sum.hpp"
#include "portion.hpp"

#include "fod/metrics.hpp"

#include <vector>

/// Inside of the metrics module: figures over rows, each thread's own, joined at the end.
namespace fod::metrics {

/// Counts and sums of bins, of one or several figures.
class BinSums {
public:
  BinSums(std::size_t figures, std::int64_t bins)
      : bins_(bins), cells_(figures * static_cast<std::size_t>(bins)) {}
  void add(std::size_t figure, double confidence, bool correct);
  void add(BinSums const& other);
  [[nodiscard]] std::vector<ReliabilityBin> bins(std::size_t figure) const;

private:
  struct Cell {
    std::int64_t count = 0;
    std::int64_t correct = 0;
    ExactSum confidence;
  };
  std::int64_t bins_;
  std::vector<Cell> cells_;
};

class Tally {
public:
  Tally(Columns const& columns, std::int64_t bins);
  void add(Portion const& portion, std::size_t row);
  void add(Tally const& other);
  /// Fills in what this is about; the values that are sorted for it are gone afterwards.
  void tell(Report& report);

private:
  void add_label(Portion const& portion, std::size_t row, std::int64_t prediction);
  void add_votes(Portion const& portion, std::size_t row, std::int64_t prediction);
  void add_truth(Portion const& portion, std::size_t row);
  void tell_labelled(LabelScores& scores) const;
  void tell_truth(TruthReport& truth);

  Columns columns_;
  std::int64_t nonfinite_ = 0;
  std::int64_t unreadable_ = 0;
  std::int64_t samples_ = 0;
  std::int64_t labelled_ = 0;
  std::int64_t correct_ = 0;
  std::int64_t clipped_ = 0;
  ExactSum confidence_;
  ExactSum labelled_confidence_;
  ExactSum nll_;
  ExactSum brier_;
  ExactSum aleatoric_;
  ExactSum epistemic_;
  ExactSum disagreement_;
  ExactSum soft_loss_;
  ExactSum soft_brier_;
  ExactSum soft_accuracy_;
  ExactSum label_entropy_;
  std::vector<std::int64_t> predicted_;
  std::vector<std::int64_t> labels_;
  BinSums top_;
  BinSums by_class_;
  std::vector<double> entropy_;
  std::vector<double> l1_;
  std::vector<double> kl_;
  std::int64_t truth_left_out_ = 0;
  std::int64_t infinite_kl_ = 0;
};

} // namespace fod::metrics
