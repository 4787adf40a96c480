#include "hull.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fod::metrics {

namespace {

constexpr double smallest_gain = 1e-11;
constexpr double smallest_pivot = 1e-11;
constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
/// Steps without progress after which Bland's rule chooses.
constexpr int most_idle = 20;
constexpr auto infinity = std::numeric_limits<double>::infinity();

} // namespace

std::optional<double> Hull::distance(std::span<double const> vertices,
                                     std::span<double const> point) {
  set_up(vertices, point);
  if (rows_ == 0 || !maximise()) {
    return std::nullopt;
  }
  auto const bound = bound_of_basis();
  return std::isfinite(bound) ? std::optional(std::max(0.0, bound) / 2) : std::nullopt;
}

/// Variables are shifted to begin at 0: y to [0, 2], w by what makes the first basis feasible.
void Hull::set_up(std::span<double const> vertices, std::span<double const> point) {
  classes_ = point.size();
  rows_ = vertices.size() / std::max<std::size_t>(1, classes_);
  columns_ = 1 + classes_ + rows_;
  differences_.resize(rows_ * classes_);
  table_.assign(rows_ * columns_, 0);
  gain_.assign(columns_, 0);
  gain_[0] = 1;
  value_.assign(rows_, 0);
  basis_.resize(rows_);
  basic_.assign(columns_, 0);
  at_upper_.assign(columns_, 0);
  double least = 0;
  for (std::size_t m = 0; m < rows_; ++m) {
    auto* const row = &table_[m * columns_];
    row[0] = 1;
    for (std::size_t k = 0; k < classes_; ++k) {
      auto const difference = point[k] - vertices[m * classes_ + k];
      differences_[m * classes_ + k] = difference;
      row[1 + k] = -difference;
      value_[m] -= difference;
    }
    basis_[m] = 1 + classes_ + m;
    row[basis_[m]] = 1;
    basic_[basis_[m]] = 1;
    least = std::min(least, value_[m]);
  }
  for (auto& value : value_) {
    value -= least;
  }
}

double Hull::upper(std::size_t variable) const {
  return 1 <= variable && variable <= classes_ ? 2 : infinity;
}

bool Hull::maximise() {
  auto const most_steps = 200 * (columns_ + 10);
  int idle = 0;
  for (std::size_t steps = 0; steps < most_steps; ++steps) {
    bool const first_that_fits = idle > most_idle;
    auto const column = entering(first_that_fits);
    if (column == none) {
      return true;
    }
    double length = 0;
    if (!step(column, first_that_fits, length)) {
      return false;
    }
    idle = length > 1e-13 ? 0 : idle + 1;
  }
  return false;
}

/// The variable that gains most, or by Bland's rule the first that gains; `none` at the optimum.
std::size_t Hull::entering(bool first_that_fits) const {
  auto best = none;
  double best_gain = smallest_gain;
  for (std::size_t j = 0; j < columns_; ++j) {
    auto const gain = at_upper_[j] != 0 ? -gain_[j] : gain_[j];
    if (basic_[j] == 0 && gain > best_gain) {
      best = j;
      best_gain = gain;
      if (first_that_fits) {
        break;
      }
    }
  }
  return best;
}

/// Moves a variable as far as the bounds of all allow. False if none does.
bool Hull::step(std::size_t column, bool first_that_fits, double& length) {
  double const direction = at_upper_[column] != 0 ? -1 : 1;
  length = upper(column);
  auto leaving = none;
  double leaving_rate = 0;
  for (std::size_t m = 0; m < rows_; ++m) {
    auto const rate = direction * table_[m * columns_ + column];
    if (std::abs(rate) <= smallest_pivot) {
      continue;
    }
    auto const room = rate > 0 ? value_[m] : upper(basis_[m]) - value_[m];
    auto const limit = std::max(0.0, room) / std::abs(rate);
    bool const ties = leaving != none && limit == length;
    bool const better = first_that_fits ? ties && basis_[m] < basis_[leaving]
                                        : ties && std::abs(rate) > std::abs(leaving_rate);
    if (limit < length || better) {
      length = limit;
      leaving = m;
      leaving_rate = rate;
    }
  }
  if (!std::isfinite(length)) {
    return false;
  }
  for (std::size_t m = 0; m < rows_; ++m) {
    value_[m] -= direction * table_[m * columns_ + column] * length;
  }
  if (leaving == none) {
    at_upper_[column] ^= 1;
    return true;
  }
  auto const value = direction > 0 ? length : upper(column) - length;
  at_upper_[basis_[leaving]] = leaving_rate < 0 ? 1 : 0;
  basic_[basis_[leaving]] = 0;
  pivot(leaving, column);
  basis_[leaving] = column;
  basic_[column] = 1;
  at_upper_[column] = 0;
  value_[leaving] = value;
  return true;
}

void Hull::pivot(std::size_t row, std::size_t column) {
  auto* const chosen = &table_[row * columns_];
  auto const divisor = chosen[column];
  for (std::size_t j = 0; j < columns_; ++j) {
    chosen[j] /= divisor;
  }
  auto const eliminate = [&](double* other) {
    auto const factor = other[column];
    if (factor != 0) {
      for (std::size_t j = 0; j < columns_; ++j) {
        other[j] -= factor * chosen[j];
      }
    }
  };
  for (std::size_t m = 0; m < rows_; ++m) {
    if (m != row) {
      eliminate(&table_[m * columns_]);
    }
  }
  eliminate(gain_.data());
}

/// min_m sum_k y_k (t_k - v_mk) at the y that was reached, from the numbers as they were given.
double Hull::bound_of_basis() const {
  std::vector<double> y(classes_);
  for (std::size_t k = 0; k < classes_; ++k) {
    y[k] = at_upper_[1 + k] != 0 ? 1 : -1;
  }
  for (std::size_t m = 0; m < rows_; ++m) {
    if (1 <= basis_[m] && basis_[m] <= classes_) {
      y[basis_[m] - 1] = std::clamp(value_[m] - 1, -1.0, 1.0);
    }
  }
  auto least = infinity;
  for (std::size_t m = 0; m < rows_; ++m) {
    double sum = 0;
    for (std::size_t k = 0; k < classes_; ++k) {
      sum += y[k] * differences_[m * classes_ + k];
    }
    least = std::min(least, sum);
  }
  return least;
}

} // namespace fod::metrics
