#include "chain.hpp"
#include "loops.hpp"
#include "pages.hpp"
#include "parallel.hpp"

#include <atomic>
#include <cmath>

namespace fod::groups {

namespace {

/// Distances between clusters, the packed triangle above the diagonal.
class Triangle {
public:
  Triangle(MatrixView r, int threads);

  [[nodiscard]] Neighbour nearest(std::int64_t cluster, std::int64_t before) const {
    Neighbour found{before, before >= 0 ? at(cluster, before) : loops::far};
    for (auto const other : left_) {
      if (other != cluster && at(cluster, other) < found.distance) {
        found = {other, at(cluster, other)};
      }
    }
    return found;
  }

  /// The Lance-Williams formula of Ward's criterion, as scipy rounds it.
  void merge(std::int64_t first, std::int64_t second, std::int64_t first_size,
             std::int64_t second_size, double height) {
    std::erase(left_, first);
    auto const x = static_cast<double>(first_size);
    auto const y = static_cast<double>(second_size);
    for (auto const other : left_) {
      if (other != second) {
        auto const size = static_cast<double>(sizes_[static_cast<std::size_t>(other)]);
        double const t = 1.0 / (x + y + size);
        double const dx = at(first, other);
        double& dy = at(second, other);
        dy = std::sqrt(std::max(
            (size + x) * t * dx * dx + (size + y) * t * dy * dy - size * t * height * height, 0.0));
      }
    }
    sizes_[static_cast<std::size_t>(second)] = first_size + second_size;
  }

private:
  [[nodiscard]] std::size_t index(std::int64_t i, std::int64_t j) const {
    auto const [low, high] = std::minmax({i, j});
    return static_cast<std::size_t>(low * (2 * n_ - low - 1) / 2 + high - low - 1);
  }
  double& at(std::int64_t i, std::int64_t j) { return values_[index(i, j)]; }
  [[nodiscard]] double at(std::int64_t i, std::int64_t j) const { return values_[index(i, j)]; }

  std::int64_t n_;
  Pages values_;
  std::vector<std::int64_t> left_; ///< clusters, ascending
  std::vector<std::int64_t> sizes_;
};

/// Euclidean distances between rows of r^2, by blocks of rows that stay in the cache.
Triangle::Triangle(MatrixView r, int threads)
    : n_(r.n), values_(pages(r.n * (r.n - 1) / 2)), sizes_(static_cast<std::size_t>(r.n), 1) {
  for (std::int64_t i = 0; i < n_; ++i) {
    left_.push_back(i);
  }
  constexpr std::int64_t block = 16;
  auto const blocks = (n_ + block - 1) / block;
  auto const workers = std::clamp<std::int64_t>(threads, 1, std::max<std::int64_t>(blocks, 1));
  // Rows get shorter, so blocks are taken one by one.
  std::vector<std::vector<double>> squares(
      static_cast<std::size_t>(workers),
      std::vector<double>(static_cast<std::size_t>((block + 1) * n_)));
  std::atomic<std::int64_t> next = 0;
  auto const square = [&](std::int64_t i, double* out) {
    std::fill_n(out, n_, 0.0);
    double const* const row = r.row(i);
    loops::add_rows({&row, 1}, n_, Kernel::squared, out);
  };
  auto const run = [&](double* rows) {
    double* const other = rows + block * n_;
    for (auto k = next++; k < blocks; k = next++) {
      auto const begin = k * block;
      auto const end = std::min(begin + block, n_);
      for (auto i = begin; i < end; ++i) {
        square(i, rows + (i - begin) * n_);
      }
      for (auto j = begin + 1; j < n_; ++j) {
        square(j, other);
        for (auto i = begin; i < std::min(end, j); ++i) {
          at(i, j) = std::sqrt(loops::squared_distance(rows + (i - begin) * n_, other, n_));
        }
      }
    }
  };
  std::vector<std::jthread> others;
  for (std::int64_t worker = 1; worker < workers; ++worker) {
    others.emplace_back(run, squares[static_cast<std::size_t>(worker)].data());
  }
  run(squares[0].data());
}

} // namespace

Dendrogram ward_linkage(MatrixView r, int threads) {
  if (r.n == 0) {
    return {};
  }
  Triangle triangle(r, threads);
  return nearest_neighbour_chain(triangle, r.n);
}

} // namespace fod::groups
