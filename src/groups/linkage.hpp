#pragma once

#include "fod/groups.hpp"

#include <cstdint>
#include <span>
#include <vector>

/// Inside of the groups module: agglomerative clustering. The result is scipy's to the last bit,
/// ties included: the same order of visits, the same rounding.
namespace fod::groups {

/// A row of scipy's Z: clusters 0 … n-1 are the neurons, n + k is what row k made.
struct Merge {
  std::int64_t first = 0; ///< the lower of the two
  std::int64_t second = 0;
  double height = 0;
  std::int64_t size = 0; ///< neurons in both
  bool operator==(Merge const&) const = default;
};
/// n - 1 merges, by ascending height; equal ones in the order in which they were found.
using Dendrogram = std::vector<Merge>;

/// Average linkage (UPGMA) on the distance 1 - |r|. Takes O(n^2) time and at most n^2/2 doubles.
Dendrogram average_linkage(MatrixView r);

/// Ward linkage of the rows of the matrix of r^2, with Euclidean distances (scipy's `ward`). Takes
/// O(n^3) time for the distances and n^2/2 doubles.
Dendrogram ward_linkage(MatrixView r, int threads);

/// Cluster of each neuron, numbered by first member, when merges up to `height` are made.
std::vector<std::int32_t> cut_at(Dendrogram const& merges, double height);
/// The same for `count` clusters (at least one, at most n).
std::vector<std::int32_t> cut_into(Dendrogram const& merges, std::int64_t count);

} // namespace fod::groups
