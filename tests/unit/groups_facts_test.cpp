#include "groups_support.hpp"

#include "fod/group_evidence.hpp"
#include "groups/eigen.hpp"

#include <catch2/catch.hpp>

#include <numeric>

using fod::groups::correlation_with;
using fod::groups::EigenPair;
using fod::groups::facts_of;
using fod::groups::first_eigen_pair;
using fod::groups::MatrixView;
using groups_support::Matrix;

namespace {

std::vector<std::int64_t> all_of(Matrix const& matrix) {
  std::vector<std::int64_t> members(static_cast<std::size_t>(matrix.n));
  std::iota(members.begin(), members.end(), std::int64_t{0});
  return members;
}

/// Whether all eigenvalues lie below a number: whether number * I - R has a Cholesky factor.
bool bounds_eigenvalues(double number, MatrixView r, std::vector<std::int64_t> const& members) {
  auto const n = members.size();
  std::vector<long double> factor(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      long double sum = (i == j ? static_cast<long double>(number) : 0.0L) -
                        static_cast<long double>(r.at(members[i], members[j]));
      for (std::size_t k = 0; k < j; ++k) {
        sum -= factor[i * n + k] * factor[j * n + k];
      }
      if (i == j && sum <= 0) {
        return false;
      }
      factor[i * n + j] = i == j ? std::sqrt(sum) : sum / factor[j * n + j];
    }
  }
  return true;
}

/// Length of R v - value v.
double residual_of(MatrixView r, std::vector<std::int64_t> const& members, EigenPair const& pair) {
  long double squares = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    long double sum = -static_cast<long double>(pair.value) * pair.vector[i];
    for (std::size_t j = 0; j < members.size(); ++j) {
      sum += static_cast<long double>(r.at(members[i], members[j])) * pair.vector[j];
    }
    squares += sum * sum;
  }
  return static_cast<double>(std::sqrt(squares));
}

double length_of(std::vector<double> const& vector) {
  return std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
}

} // namespace

TEST_CASE("the first eigenvector of a small matrix is numpy's") {
  // numpy.linalg.eigh of the matrix below, 12 by 12
  Matrix matrix(12);
  for (std::int64_t i = 0; i < 12; ++i) {
    for (std::int64_t j = 0; j < i; ++j) {
      matrix.set(i, j, static_cast<double>((i * j * 7 + i + j) % 17 - 8) / 16);
    }
  }
  std::vector<double> const expected{
      0.2649209656027512,  -0.4405002211350656,   0.07222016128047735,  -0.16237529510348123,
      -0.3769742428921445, -0.010066109399740902, -0.40089661047721237, 0.32365189867295197,
      -0.1773474947962192, 0.24301550383739043,   0.0878502730087949,   0.44529659706302477};
  auto const facts = facts_of(matrix.view(), all_of(matrix), -1, 1);
  CHECK(facts.variance_explained * 12 == Approx(2.7063814443717558).epsilon(1e-13));
  REQUIRE(facts.loadings.size() == 12);
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(std::abs(facts.loadings[i] - expected[i]) < 1e-12); // the last is the largest
  }
  auto const by_hub = facts_of(matrix.view(), all_of(matrix), 6, 1);
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(by_hub.loadings[i] == -facts.loadings[i]);
  }
}

TEST_CASE("first eigenvectors of small and large groups") {
  for (auto const n : {1, 2, 3, 40, 95, 96, 97, 150, 400}) {
    auto const matrix = groups_support::random_correlations(n, 80, static_cast<std::uint64_t>(n));
    std::vector<std::int64_t> members;
    for (std::int64_t i = 0; i<n; i += n> 300 ? 2 : 1) {
      members.push_back(i);
    }
    auto const pair = first_eigen_pair(matrix.view(), members, 1);
    CHECK(std::abs(length_of(pair.vector) - 1) < 1e-13);
    CHECK(residual_of(matrix.view(), members, pair) < 1e-11 * pair.value);
    CHECK(bounds_eigenvalues(pair.value * (1 + 1e-11), matrix.view(), members));
    for (auto const threads : {2, 3}) {
      CHECK(first_eigen_pair(matrix.view(), members, threads).vector == pair.vector);
    }
  }
}

TEST_CASE("eigenvectors where a start could miss them, and where there are many") {
  // Half of a group is flipped: the vector of ones is orthogonal to the one that is looked for.
  for (std::int64_t const n : {10, 200}) {
    Matrix flipped(n);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < i; ++j) {
        flipped.set(i, j, (i + j) % 2 == 0 ? 0.5 : -0.5);
      }
    }
    auto const facts = facts_of(flipped.view(), all_of(flipped), 3, 1);
    auto const size = static_cast<double>(n);
    CHECK(facts.variance_explained == Approx((1 + 0.5 * (size - 1)) / size).epsilon(1e-13));
    CHECK(facts.cohesion == Approx(0.5).epsilon(1e-13));
    CHECK(facts.cohesion_signed == Approx(-0.5 / (size - 1)).epsilon(1e-10));
    for (std::int64_t i = 0; i < n; ++i) {
      CHECK(facts.loadings[static_cast<std::size_t>(i)] ==
            Approx((i % 2 == 0 ? -1 : 1) / std::sqrt(size)).epsilon(1e-10));
    }
    // Nothing correlates: every vector will do. All is one: the second eigenvalue is 0.
    Matrix const none(n);
    auto const any = facts_of(none.view(), all_of(none), -1, 1);
    CHECK(any.variance_explained == Approx(1 / size).epsilon(1e-13));
    CHECK(length_of(any.loadings) == Approx(1).epsilon(1e-13));
    CHECK(any.cohesion == 0);
    Matrix const one(n, 1);
    auto const whole = facts_of(one.view(), all_of(one), -1, 1);
    CHECK(whole.variance_explained == Approx(1).epsilon(1e-13));
    CHECK(whole.cohesion == 1);
    CHECK(*std::min_element(whole.loadings.begin(), whole.loadings.end()) > 0);
  }
  Matrix const pair(2, -0.25);
  CHECK(facts_of(pair.view(), std::vector<std::int64_t>{1}, 1, 1).loadings ==
        std::vector<double>{1});
  CHECK(facts_of(pair.view(), {}, -1, 1).loadings.empty());
}

TEST_CASE("a group's correlation with something else is that of its mean activation") {
  // Data, the mean of its members' standardised activations with flips, and that mean's
  // correlation.
  constexpr std::size_t samples = 50;
  std::mt19937_64 random(12);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> data(9, std::vector<double>(samples));
  for (std::size_t s = 0; s < samples; ++s) {
    auto const common = normal(random);
    for (std::size_t i = 0; i < data.size(); ++i) {
      data[i][s] = (i % 2 == 0 ? common : -common) * (i < 6 ? 1 : 0.2) + normal(random);
    }
  }
  auto const matrix = groups_support::correlations(data); // the last row is the other variable
  std::vector<std::int64_t> const members{0, 1, 3, 4, 5};
  auto const facts = facts_of(matrix.view(), members, 0, 1);
  std::vector<double> mean(samples);
  for (std::size_t m = 0; m < members.size(); ++m) {
    auto const& row = data[static_cast<std::size_t>(members[m])];
    auto const average = std::accumulate(row.begin(), row.end(), 0.0) / samples;
    double squares = 0;
    for (auto const value : row) {
      squares += (value - average) * (value - average);
    }
    for (std::size_t s = 0; s < samples; ++s) {
      mean[s] += (facts.loadings[m] < 0 ? -1 : 1) * (row[s] - average) / std::sqrt(squares);
    }
  }
  auto const both = groups_support::correlations({mean, data[8]});
  auto const found =
      correlation_with(matrix.view(), members, facts.loadings, {matrix.view().row(8), 9});
  CHECK(found == Approx(both.view().at(0, 1)).epsilon(1e-12));
  CHECK(std::abs(found) > 0.1);

  // A mean that cancels has no correlation.
  Matrix opposite(3);
  opposite.set(0, 1, -1);
  CHECK(correlation_with(opposite.view(), std::vector<std::int64_t>{0, 1},
                         std::vector<double>{1, 1}, std::vector<double>{0.5, -0.5, 1}) == 0);
}
