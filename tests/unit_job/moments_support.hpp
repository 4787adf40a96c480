#pragma once

#include "fod/moment_accumulator.hpp"
#include "job_support.hpp"

#include <cmath>
#include <functional>
#include <random>
#include <vector>

/// Activations for the tests of moments, the way through the accumulator, and what the definition
/// says in long double.
namespace moments_support {

/// Row-major samples with what goes with them.
struct Samples {
  std::int64_t neurons = 0;
  std::int64_t appended = 0;
  std::vector<float> values; ///< (count, neurons)
  std::vector<float> facts;  ///< (count, appended)
  std::vector<std::uint8_t> counts;
  std::vector<std::int32_t> classes;

  [[nodiscard]] std::int64_t count() const { return std::ssize(values) / neurons; }
  [[nodiscard]] std::int64_t width() const { return neurons + appended; }
  [[nodiscard]] float at(std::int64_t row, std::int64_t column) const {
    return column < neurons ? values[static_cast<std::size_t>(row * neurons + column)]
                            : facts[static_cast<std::size_t>(row * appended + column - neurons)];
  }
  [[nodiscard]] bool counted(std::int64_t row) const {
    return counts.empty() || counts[static_cast<std::size_t>(row)] != 0;
  }
};

/// Columns that correlate: two common factors of random loadings, and noise. `change` makes of a
/// standard normal value what the test wants, by row and column.
inline Samples correlated(std::int64_t count, std::int64_t neurons,
                          std::function<double(double, std::int64_t, std::int64_t)> const& change) {
  std::mt19937 generator(static_cast<unsigned>(count * 31 + neurons));
  std::normal_distribution<double> normal;
  std::vector<double> loadings;
  for (std::int64_t j = 0; j < 2 * neurons; ++j) {
    loadings.push_back(normal(generator));
  }
  Samples samples;
  samples.neurons = neurons;
  for (std::int64_t k = 0; k < count; ++k) {
    auto const a = normal(generator);
    auto const b = normal(generator);
    for (std::int64_t j = 0; j < neurons; ++j) {
      auto const u = loadings[static_cast<std::size_t>(2 * j)];
      auto const v = loadings[static_cast<std::size_t>(2 * j + 1)];
      auto const x = (u * a + v * b + normal(generator)) / std::sqrt(u * u + v * v + 1);
      samples.values.push_back(static_cast<float>(change(x, k, j)));
    }
  }
  return samples;
}
inline Samples correlated(std::int64_t count, std::int64_t neurons) {
  return correlated(count, neurons, [](double x, std::int64_t, std::int64_t) { return x; });
}

/// How samples go through the accumulator.
struct Way {
  fod::Device device{false, -1, "CPU", {}};
  int threads = 1;
  std::int64_t classes = 0;
  std::vector<std::int64_t> blocks{}; ///< which, in which order; empty: all in order
};

inline fod::MomentShape shape_of(Samples const& samples, fod::BlockGrid const& grid,
                                 std::int64_t classes) {
  return {samples.neurons, samples.appended, classes, grid.block_size(), grid.block_count()};
}

/// Scale of the whole of block 0.
inline fod::MomentScale scale_of(Samples const& samples, fod::BlockGrid const& grid) {
  std::vector<float> first;
  std::int64_t rows = 0;
  for (std::int64_t k = 0; k < grid.samples_of(0).size(); ++k) {
    for (std::int64_t j = 0; samples.counted(k) && j < samples.width(); ++j) {
      first.push_back(samples.at(k, j));
    }
    rows += samples.counted(k) ? 1 : 0;
  }
  return fod::find_scale(first, rows, samples.width(), grid);
}

inline void feed(fod::MomentAccumulator& sums, Samples const& samples, fod::IndexRange rows,
                 std::int64_t batch) {
  for (auto begin = rows.begin; begin < rows.end; begin += batch) {
    auto const count = std::min(batch, rows.end - begin);
    auto const* from = samples.values.data() + begin * samples.neurons;
    auto const bytes = static_cast<std::size_t>(count * samples.neurons) * sizeof(float);
    std::vector<float> const values(from, from + count * samples.neurons);
    auto const cut = [&](auto const& all, std::int64_t width) {
      return all.empty() ? std::span(all)
                         : std::span(all).subspan(static_cast<std::size_t>(begin * width),
                                                  static_cast<std::size_t>(count * width));
    };
    // A device if and only if the accumulator's place is there.
    if (cudaMemcpy(sums.batch(), values.data(), bytes, cudaMemcpyDefault) != cudaSuccess) {
      std::copy(values.begin(), values.end(), sums.batch());
    }
    sums.append(
        count,
        {cut(samples.counts, 1), cut(samples.facts, samples.appended), cut(samples.classes, 1)},
        {});
  }
}

inline fod::Moments moments_of(Samples const& samples, fod::BlockGrid const& grid,
                               Way const& way = {}) {
  fod::MomentAccumulator sums(way.device, shape_of(samples, grid, way.classes),
                              scale_of(samples, grid), way.threads);
  auto blocks = way.blocks;
  for (std::int64_t block = 0; way.blocks.empty() && block < grid.block_count(); ++block) {
    blocks.push_back(block);
  }
  for (auto const block : blocks) {
    feed(sums, samples, grid.samples_of(block), grid.batch_size());
    sums.end_block(block, {});
  }
  return sums.take({});
}

/// Pearson's r by two passes in long double; 0 for constant columns. `parity`: 0 or 1 for the
/// samples of such blocks, -1 for all.
inline std::vector<double> correlations(Samples const& samples, fod::BlockGrid const& grid,
                                        int parity = -1) {
  auto const width = samples.width();
  std::vector<std::vector<long double>> columns(static_cast<std::size_t>(width));
  for (std::int64_t j = 0; j < width; ++j) {
    auto& column = columns[static_cast<std::size_t>(j)];
    long double sum = 0;
    for (std::int64_t k = 0; k < samples.count(); ++k) {
      if (samples.counted(k) && (parity < 0 || k / grid.block_size() % 2 == parity)) {
        column.push_back(static_cast<long double>(samples.at(k, j)));
        sum += column.back();
      }
    }
    bool const constant = std::all_of(column.begin(), column.end(),
                                      [&](long double x) { return x == column.front(); });
    auto const mean = sum / static_cast<long double>(column.size());
    long double squares = 0;
    for (auto& x : column) {
      x = constant ? 0 : x - mean;
      squares += x * x;
    }
    for (auto& x : column) {
      x = squares > 0 ? x / std::sqrt(squares) : 0;
    }
  }
  std::vector<double> r(static_cast<std::size_t>(width * width));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    for (std::size_t j = 0; j < columns.size(); ++j) {
      long double sum = 0;
      for (std::size_t k = 0; k < columns[i].size(); ++k) {
        sum += columns[i][k] * columns[j][k];
      }
      r[i * columns.size() + j] = static_cast<double>(sum);
    }
  }
  return r;
}

inline double largest_difference(std::vector<double> const& a, std::vector<double> const& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto const difference = std::abs(a[i] - b[i]);
    largest = std::isnan(difference) ? 1e300 : std::max(largest, difference);
  }
  return largest;
}

} // namespace moments_support
