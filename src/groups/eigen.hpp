#pragma once

#include "fod/groups.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fod::groups {

struct EigenPair {
  double value = 0;
  std::vector<double> vector; ///< of length 1
};

/// All eigenvalues of a small symmetric matrix with their vectors, largest first, by Jacobi's
/// rotations. @param matrix (size, size), row-major
std::vector<EigenPair> eigen_pairs(std::vector<double> matrix, std::int64_t size);

/// The largest eigenvalue of the correlations between members. Up to 96 members by eigen_pairs();
/// more by Lanczos's method with full orthogonalisation, restarted until the residual is 1e-12 of
/// the eigenvalue (or, where the first two are closer than that tells apart, 1,000 times).
EigenPair first_eigen_pair(MatrixView r, std::span<std::int64_t const> members, int threads);

} // namespace fod::groups
