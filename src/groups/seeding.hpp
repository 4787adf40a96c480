#pragma once

#include "fod/groups.hpp"

#include <cstdint>
#include <random>
#include <vector>

namespace fod::groups {

/// Numbers in [0, 1) that are the same everywhere, which the standard's distributions are not.
class Random {
public:
  explicit Random(std::uint64_t seed) : generator_(seed) {}
  double next();

private:
  std::mt19937_64 generator_;
};

/// Neurons to start k-means from, by k-means++ in the kernel's feature space: each is the best of
/// 8 + 4 ln(count) that were drawn with the squared distance to the nearest center so far. Fewer
/// than `count` where no neuron is apart from them all.
std::vector<std::int64_t> draw_centers(MatrixView r, std::int64_t count, Kernel kernel,
                                       Random& random);

} // namespace fod::groups
