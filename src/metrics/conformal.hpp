#pragma once

#include "portion.hpp"

#include "fod/metrics.hpp"

#include <vector>

/// Inside of the metrics module: split conformal prediction.
namespace fod::metrics {

/// Scores of all classes of a row.
class ClassScores {
public:
  explicit ClassScores(ConformalRequest const& request) : request_(request) {}
  /// @param id decides on the u of randomized scores
  void set_row(std::span<double const> probabilities, std::int64_t id);
  /// By class, valid until the next call.
  std::span<double const> of(ConformalMethod method);

private:
  ConformalRequest const& request_;
  std::span<double const> probabilities_;
  double u_ = 1;
  std::vector<std::size_t> ranked_; ///< classes by falling probability, the lowest first of equals
  std::vector<double> scores_;
};

/// First pass: scores of the labels of the calibration samples.
class Calibration {
public:
  explicit Calibration(ConformalRequest const& request)
      : request_(request), classes_(request), scores_(request.methods.size()) {}
  void add(Portion const& portion, std::size_t row);
  void add(Calibration const& other);
  [[nodiscard]] std::vector<std::vector<double>> const& scores() const { return scores_; }

private:
  ConformalRequest const& request_;
  ClassScores classes_;
  std::vector<std::vector<double>> scores_; ///< by method
};

/// Second pass: the sets of the other samples.
class ConformalSets {
public:
  ConformalSets(ConformalRequest const& request, std::vector<double> thresholds)
      : request_(request), classes_(request), thresholds_(std::move(thresholds)),
        counts_(request.methods.size()) {}
  void add(Portion const& portion, std::size_t row);
  void add(ConformalSets const& other);
  [[nodiscard]] std::vector<ConformalReport> reports() const;

private:
  struct Counts {
    std::int64_t samples = 0;
    std::int64_t covered = 0;
    std::int64_t classes = 0;
    std::int64_t empty = 0;
  };
  ConformalRequest const& request_;
  ClassScores classes_;
  std::vector<double> thresholds_;
  std::vector<Counts> counts_;
};

} // namespace fod::metrics
