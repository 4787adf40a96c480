#include "fod/groups.hpp"

#include "loops.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <array>

namespace fod::groups {

namespace {

/// Columns whose sums stay in the first cache while the rows pass by.
constexpr std::int64_t columns_at_once = 1024;

class HostEngine : public Engine {
public:
  HostEngine(MatrixView r, int threads) : r_(r), threads_(threads) {}

  void count_neighbours(double threshold, std::span<std::int64_t> counts) override {
    in_parallel(r_.n, r_.n / 2, threads_, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        counts[static_cast<std::size_t>(i)] =
            loops::count_at_least(r_.row(i), i, threshold) +
            loops::count_at_least(r_.row(i) + i + 1, r_.n - i - 1, threshold);
      }
    });
  }

  void discount_neighbours(std::span<std::int64_t const> removed, double threshold,
                           std::span<std::int64_t> counts) override {
    in_parallel(r_.n, std::ssize(removed) / 2, threads_, [&](std::int64_t begin, std::int64_t end) {
      for (auto const j : removed) {
        auto const discount = [&](std::int64_t from, std::int64_t to) {
          loops::discount_at_least(r_.row(j) + from, to - from, threshold, counts.data() + from);
        };
        if (j < begin || j >= end) {
          discount(begin, end);
        } else {
          discount(begin, j);
          discount(j + 1, end);
        }
      }
    });
  }

  void cluster_sums(std::span<std::int32_t const> cluster_of, std::int64_t clusters, Kernel kernel,
                    std::span<double> sums) override {
    std::vector<std::vector<std::int64_t>> members(static_cast<std::size_t>(clusters));
    for (std::size_t i = 0; i < cluster_of.size(); ++i) {
      members[static_cast<std::size_t>(cluster_of[i])].push_back(static_cast<std::int64_t>(i));
    }
    std::ranges::fill(sums, 0.0);
    in_parallel(r_.n, r_.n / 2, threads_, [&](std::int64_t begin, std::int64_t end) {
      for (auto at = begin; at < end; at += columns_at_once) {
        auto const width = std::min(columns_at_once, end - at);
        for (std::int64_t c = 0; c < clusters; ++c) {
          add(members[static_cast<std::size_t>(c)], at, width, kernel, &sums[offset(c, at)]);
        }
      }
    });
  }

  void move_sums(std::span<Move const> moves, Kernel kernel, std::span<double> sums) override {
    in_parallel(r_.n, std::ssize(moves), threads_, [&](std::int64_t begin, std::int64_t end) {
      for (auto const& move : moves) {
        double const* const row = r_.row(move.neuron) + begin;
        loops::subtract_row(row, end - begin, kernel, &sums[offset(move.from, begin)]);
        loops::add_rows({&row, 1}, end - begin, kernel, &sums[offset(move.to, begin)]);
      }
    });
  }

private:
  [[nodiscard]] std::size_t offset(std::int64_t cluster, std::int64_t column) const {
    return static_cast<std::size_t>(cluster * r_.n + column);
  }

  /// The matrix is symmetric: sums over a column's rows run over rows, side by side.
  void add(std::span<std::int64_t const> members, std::int64_t column, std::int64_t width,
           Kernel kernel, double* sums) const {
    constexpr std::size_t at_once = 16;
    std::array<double const*, at_once> rows{};
    for (std::size_t at = 0; at < members.size(); at += at_once) {
      auto const count = std::min(at_once, members.size() - at);
      for (std::size_t k = 0; k < count; ++k) {
        rows[k] = r_.row(members[at + k]) + column;
      }
      loops::add_rows({rows.data(), count}, width, kernel, sums);
    }
  }

  MatrixView r_;
  int threads_;
};

} // namespace

std::unique_ptr<Engine> host_engine(MatrixView correlations, int threads) {
  return std::make_unique<HostEngine>(correlations, threads);
}

} // namespace fod::groups
