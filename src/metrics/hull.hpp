#pragma once

#include <optional>
#include <span>
#include <vector>

/// Inside of the metrics module: where a distribution lies against a convex hull.
namespace fod::metrics {

/// Total variation distance of a distribution to the convex hull of others,
/// min { |t - sum_m l_m v_m|_1 / 2 : l >= 0, sum_m l_m = 1 }, which is 0 iff it lies inside.
///
/// It is found by its dual, the linear programme
/// max { w : w <= sum_k y_k (t_k - v_mk) for all m, -1 <= y_k <= 1 },
/// whose basis has a row per vertex only, whatever the number of classes, and whose every feasible
/// point is a lower bound of the distance. A dense simplex method for bounded variables (Dantzig
/// 1955) with Bland's rule (1977) against cycling does for this size; Debian's libraries for linear
/// programmes (GLPK, lp_solve: GPL and LGPL; CLP, HiGHS) are bigger than all else `fod` needs.
class Hull {
public:
  /// @param vertices (V,K), one after the other @param point (K)
  /// @return nothing if the method did not end: the numbers were not finite, say
  std::optional<double> distance(std::span<double const> vertices, std::span<double const> point);

private:
  void set_up(std::span<double const> vertices, std::span<double const> point);
  [[nodiscard]] bool maximise();
  [[nodiscard]] std::size_t entering(bool first_that_fits) const;
  [[nodiscard]] bool step(std::size_t column, bool first_that_fits, double& length);
  void pivot(std::size_t row, std::size_t column);
  [[nodiscard]] double upper(std::size_t variable) const;
  [[nodiscard]] double bound_of_basis() const;

  std::size_t classes_ = 0;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;         ///< variables: w, a y per class, a slack per row
  std::vector<double> differences_; ///< t_k - v_mk
  std::vector<double> table_;       ///< (rows, columns)
  std::vector<double> gain_;        ///< of the objective per unit of each variable
  std::vector<double> value_;       ///< of each row's basic variable
  std::vector<std::size_t> basis_;  ///< the variable of each row
  std::vector<char> basic_;         ///< of each variable: whether it is in the basis
  std::vector<char> at_upper_;      ///< whether it is at its upper bound
};

} // namespace fod::metrics
