#include "eigen.hpp"

#include "parallel.hpp"
#include "seeding.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fod::groups {

namespace {

constexpr std::int64_t most_direct = 96;
constexpr std::int64_t basis_size = 40;
constexpr int most_restarts = 1000;
constexpr double tolerance = 1e-12;

double dot(std::vector<double> const& a, std::vector<double> const& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void add_scaled(std::vector<double>& to, double factor, std::vector<double> const& from) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] += factor * from[i];
  }
}

double scale_to_one(std::vector<double>& vector) {
  auto const length = std::sqrt(dot(vector, vector));
  if (length > 0) {
    for (auto& value : vector) {
      value /= length;
    }
  }
  return length;
}

/// The correlations between members, times a vector.
std::vector<double> times(MatrixView r, std::span<std::int64_t const> members,
                          std::vector<double> const& vector, int threads) {
  std::vector<double> product(members.size());
  auto const count = std::ssize(members);
  in_parallel(count, count, threads, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      double const* const row = r.row(members[static_cast<std::size_t>(i)]);
      double sum = 0;
      for (std::size_t j = 0; j < members.size(); ++j) {
        sum += row[members[j]] * vector[j];
      }
      product[static_cast<std::size_t>(i)] = sum;
    }
  });
  return product;
}

/// Takes out of a vector what lies in the basis; twice, since once leaves rounding behind.
void make_orthogonal(std::vector<double>& vector, std::vector<std::vector<double>> const& basis) {
  for (int pass = 0; pass < 2; ++pass) {
    for (auto const& other : basis) {
      add_scaled(vector, -dot(other, vector), other);
    }
  }
}

/// One rotation that makes entry (p, q) zero (Golub & Van Loan, "Matrix Computations", 8.5).
void rotate(std::vector<double>& a, std::vector<double>& vectors, std::size_t n, std::size_t p,
            std::size_t q) {
  auto const tau = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
  auto const t = std::copysign(1.0, tau) / (std::abs(tau) + std::hypot(1.0, tau));
  auto const c = 1 / std::hypot(1.0, t);
  auto const s = t * c;
  auto const turn = [&](double& x, double& y) {
    auto const old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  };
  for (std::size_t k = 0; k < n; ++k) {
    turn(a[k * n + p], a[k * n + q]);
  }
  for (std::size_t k = 0; k < n; ++k) {
    turn(a[p * n + k], a[q * n + k]);
  }
  a[p * n + q] = a[q * n + p] = 0;
  for (std::size_t k = 0; k < n; ++k) {
    turn(vectors[p * n + k], vectors[q * n + k]);
  }
}

} // namespace

std::vector<EigenPair> eigen_pairs(std::vector<double> matrix, std::int64_t size) {
  auto const n = static_cast<std::size_t>(size);
  std::vector<double> vectors(n * n);
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    vectors[i * n + i] = 1;
    for (std::size_t j = 0; j < n; ++j) {
      squares += matrix[i * n + j] * matrix[i * n + j];
    }
  }
  constexpr int most_sweeps = 60; // about ten are needed
  auto const negligible = 1e-17 * std::sqrt(squares) / static_cast<double>(n + 1);
  bool rotated = true;
  for (int sweep = 0; sweep < most_sweeps && rotated; ++sweep) {
    rotated = false;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        if (std::abs(matrix[p * n + q]) > negligible) {
          rotate(matrix, vectors, n, p, q);
          rotated = true;
        }
      }
    }
  }
  std::vector<EigenPair> pairs;
  for (std::size_t i = 0; i < n; ++i) {
    auto const begin = vectors.begin() + static_cast<std::ptrdiff_t>(i * n);
    pairs.push_back({matrix[i * n + i], {begin, begin + size}});
  }
  std::ranges::stable_sort(pairs, std::ranges::greater(), &EigenPair::value);
  return pairs;
}

EigenPair first_eigen_pair(MatrixView r, std::span<std::int64_t const> members, int threads) {
  auto const size = std::ssize(members);
  if (size <= most_direct) {
    std::vector<double> matrix;
    for (auto const i : members) {
      for (auto const j : members) {
        matrix.push_back(r.at(i, j));
      }
    }
    return eigen_pairs(std::move(matrix), size).front();
  }
  Random random(0); // a start that is orthogonal to no eigenvector
  EigenPair best;
  best.vector.resize(members.size());
  std::ranges::generate(best.vector, [&] { return random.next() - 0.5; });
  scale_to_one(best.vector);
  for (int restart = 0; restart < most_restarts; ++restart) {
    std::vector<std::vector<double>> basis{best.vector};
    std::vector<std::vector<double>> products;
    while (std::ssize(products) < basis_size) {
      products.push_back(times(r, members, basis.back(), threads));
      auto next = products.back();
      make_orthogonal(next, basis);
      if (scale_to_one(next) <= tolerance) {
        break; // the basis holds all that the start leads to
      }
      basis.push_back(std::move(next));
    }
    basis.resize(products.size());
    auto const steps = basis.size();
    std::vector<double> projected(steps * steps);
    for (std::size_t i = 0; i < steps; ++i) {
      for (std::size_t j = i; j < steps; ++j) {
        projected[i * steps + j] = projected[j * steps + i] = dot(basis[i], products[j]);
      }
    }
    auto const first =
        std::move(eigen_pairs(std::move(projected), static_cast<std::int64_t>(steps)).front());
    best.value = first.value;
    best.vector.assign(members.size(), 0.0);
    std::vector<double> residual(members.size());
    for (std::size_t k = 0; k < steps; ++k) {
      add_scaled(best.vector, first.vector[k], basis[k]);
      add_scaled(residual, first.vector[k], products[k]);
    }
    scale_to_one(best.vector);
    add_scaled(residual, -best.value, best.vector);
    if (std::sqrt(dot(residual, residual)) <= tolerance * best.value) {
      break;
    }
  }
  return best;
}

} // namespace fod::groups
