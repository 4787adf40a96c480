#pragma once

#include "exact_sum.hpp"
#include "hull.hpp"
#include "portion.hpp"

#include "fod/metrics.hpp"

#include <optional>
#include <vector>

/// Inside of the metrics module: convex sets of distributions.
namespace fod::metrics {

/// Coverage and width of the credal sets that were asked for. A set of distributions contains the
/// truth t, up to the tolerance, if
/// - intervals: lower_k <= t_k <= upper_k for all classes (probability intervals: de Campos, Huete,
///   Moral 1994; of ensembles: Wang et al. 2024, "Credal deep ensembles"),
/// - hull: t is a mixture of the vertices (the closed convex set of Levi 1980, Walley 1991),
/// - ball: total variation to the prediction is at most the radius (Javanmardi, Stutz, Hüllermeier
///   2024, "Conformalized credal set predictors").
class CredalTally {
public:
  CredalTally(Columns const& columns, Request const& request);
  void add(Portion const& portion, std::size_t row);
  void add(CredalTally const& other);
  /// A sample for which the linear programme did not end.
  [[nodiscard]] std::optional<std::int64_t> failed() const { return failed_; }
  void tell(Report& report) const;

private:
  enum class Kind { intervals, hull, ball };
  struct Set {
    std::string from;
    Kind kind = Kind::intervals;
    std::int64_t rows = 0;
    std::int64_t samples = 0;
    std::int64_t covered = 0;
    ExactSum width{};
    ExactSum distance{};
    double max_distance = 0;
  };

  /// The true distribution of a row; empty if it is not known.
  std::span<double const> target(Portion const& portion, std::size_t row);
  /// Per class the least and the largest of the vertices.
  void bound(std::span<double const> vertices);
  void add_intervals(Set& set, std::span<double const> truth, std::span<double const> lower,
                     std::span<double const> upper) const;
  void add_distance(Set& set, double distance, double radius) const;
  void add_vertices(std::size_t first, std::span<double const> vertices,
                    std::span<double const> truth, std::int64_t id);
  void add_ball(Set& set, std::span<double const> prediction, std::span<double const> truth);
  [[nodiscard]] std::size_t find(std::string const& from) const;

  Columns columns_;
  double radius_;
  double tolerance_;
  std::vector<Set> sets_;
  std::vector<double> one_hot_;
  std::vector<double> lower_;
  std::vector<double> upper_;
  Hull hull_;
  std::optional<std::int64_t> failed_;
};

} // namespace fod::metrics
