#pragma once

#include "linkage.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace fod::groups {

/// A cluster and how far away it is.
struct Neighbour {
  std::int64_t cluster = -1;
  double distance = 0;
};

/// Sorts merges that name a cluster by one of its neurons, and gives clusters scipy's numbers.
Dendrogram number_clusters(std::vector<Merge> merges);

/// Merges pairs of mutually nearest clusters, which a chain of nearest neighbours leads to
/// (Murtagh, "A survey of recent advances in hierarchical clustering algorithms", 1983; Müllner,
/// "Modern hierarchical, agglomerative clustering algorithms", 2011, figure 3). The clusters that
/// are visited are those that scipy visits.
/// @param store has nearest(x, before): the nearest cluster to x, `before` (-1: none) if it is as
/// near as any, else the lowest; and merge(x, y, sizes, height): both become y, x is gone
template <class Store>
Dendrogram nearest_neighbour_chain(Store& store, std::int64_t n) {
  std::vector<Merge> merges;
  merges.reserve(static_cast<std::size_t>(std::max<std::int64_t>(n - 1, 0)));
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(n), 1);
  std::vector<std::int64_t> chain;
  std::int64_t lowest = 0; // cluster that is there
  while (std::ssize(merges) + 1 < n) {
    if (chain.empty()) {
      while (sizes[static_cast<std::size_t>(lowest)] == 0) {
        ++lowest;
      }
      chain.push_back(lowest);
    }
    std::int64_t before = chain.size() > 1 ? chain[chain.size() - 2] : -1;
    Neighbour near = store.nearest(chain.back(), before);
    while (near.cluster != before) {
      before = chain.back();
      chain.push_back(near.cluster);
      near = store.nearest(chain.back(), before);
    }
    auto const [x, y] = std::minmax({chain.back(), before});
    auto const [nx, ny] =
        std::pair(sizes[static_cast<std::size_t>(x)], sizes[static_cast<std::size_t>(y)]);
    merges.push_back({x, y, near.distance, nx + ny});
    sizes[static_cast<std::size_t>(x)] = 0;
    sizes[static_cast<std::size_t>(y)] = nx + ny;
    store.merge(x, y, nx, ny, near.distance);
    chain.resize(chain.size() - 2);
  }
  return number_clusters(std::move(merges));
}

} // namespace fod::groups
