#pragma once

#include "fod/groups.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

/// Correlation matrices to test groups on.
namespace groups_support {

using fod::groups::MatrixView;

/// A matrix with its numbers.
struct Matrix {
  std::int64_t n = 0;
  std::vector<double> values;

  explicit Matrix(std::int64_t size, double off_diagonal = 0)
      : n(size), values(static_cast<std::size_t>(size * size), off_diagonal) {
    for (std::int64_t i = 0; i < n; ++i) {
      at(i, i) = 1;
    }
  }
  double& at(std::int64_t i, std::int64_t j) { return values[static_cast<std::size_t>(i * n + j)]; }
  void set(std::int64_t i, std::int64_t j, double value) { at(i, j) = at(j, i) = value; }
  [[nodiscard]] MatrixView view() const { return {values.data(), n}; }
};

/// Symmetric, entries k / steps with -steps <= k <= steps: many are equal, some are the threshold.
inline Matrix with_ties(std::int64_t n, int steps, std::mt19937_64& random) {
  Matrix matrix(n);
  std::uniform_int_distribution<int> step(-steps, steps);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i + 1; j < n; ++j) {
      matrix.set(i, j, static_cast<double>(step(random)) / steps);
    }
  }
  return matrix;
}

/// Correlations of the rows of `data`, (n, samples), taken in long double.
inline Matrix correlations(std::vector<std::vector<double>> data) {
  for (auto& row : data) {
    long double mean = 0;
    for (auto const value : row) {
      mean += value;
    }
    mean /= static_cast<long double>(row.size());
    long double squares = 0;
    for (auto& value : row) {
      value = static_cast<double>(value - mean);
      squares += static_cast<long double>(value) * value;
    }
    auto const length = static_cast<double>(std::sqrt(squares));
    for (auto& value : row) {
      value /= length;
    }
  }
  Matrix matrix(std::ssize(data));
  for (std::size_t i = 0; i < data.size(); ++i) {
    for (std::size_t j = i + 1; j < data.size(); ++j) {
      double sum = 0;
      for (std::size_t s = 0; s < data[i].size(); ++s) {
        sum += data[i][s] * data[j][s];
      }
      matrix.set(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j),
                 std::clamp(sum, -1.0, 1.0));
    }
  }
  return matrix;
}

/// n neurons with smooth correlations: `samples` draws of a model with a few common factors.
inline Matrix random_correlations(std::int64_t n, std::int64_t samples, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> data(static_cast<std::size_t>(n));
  std::vector<double> factors(static_cast<std::size_t>(samples) * 4);
  std::generate(factors.begin(), factors.end(), [&] { return normal(random); });
  for (auto& row : data) {
    auto const factor = random() % 4 * static_cast<std::size_t>(samples);
    auto const loading = normal(random);
    for (std::size_t s = 0; s < static_cast<std::size_t>(samples); ++s) {
      row.push_back(normal(random) + loading * factors[factor + s]);
    }
  }
  return correlations(std::move(data));
}

} // namespace groups_support
