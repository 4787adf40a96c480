#include "chain.hpp"

#include <numeric>

namespace fod::groups {

namespace {

/// Which neurons are together: a forest whose roots stand for clusters.
class Forest {
public:
  explicit Forest(std::int64_t nodes) : parent_(static_cast<std::size_t>(nodes)) {
    std::iota(parent_.begin(), parent_.end(), std::int64_t{0});
  }
  std::int64_t root(std::int64_t node) {
    auto found = node;
    while (at(found) != found) {
      found = at(found);
    }
    while (at(node) != found) {
      node = std::exchange(at(node), found);
    }
    return found;
  }
  void hang(std::int64_t root, std::int64_t below) { at(root) = below; }

private:
  std::int64_t& at(std::int64_t node) { return parent_[static_cast<std::size_t>(node)]; }
  std::vector<std::int64_t> parent_;
};

/// Clusters after the first `count` merges.
std::vector<std::int32_t> labels_after(Dendrogram const& merges, std::ptrdiff_t count) {
  auto const n = std::ssize(merges) + 1;
  Forest forest(2 * n - 1);
  for (std::ptrdiff_t k = 0; k < count; ++k) {
    auto const& merge = merges[static_cast<std::size_t>(k)];
    forest.hang(forest.root(merge.first), n + k);
    forest.hang(forest.root(merge.second), n + k);
  }
  std::vector<std::int32_t> number(static_cast<std::size_t>(2 * n - 1), -1);
  std::vector<std::int32_t> labels;
  std::int32_t next = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    auto& label = number[static_cast<std::size_t>(forest.root(i))];
    label = label < 0 ? next++ : label;
    labels.push_back(label);
  }
  return labels;
}

} // namespace

Dendrogram number_clusters(std::vector<Merge> merges) {
  std::ranges::stable_sort(merges, {}, &Merge::height);
  auto const n = std::ssize(merges) + 1;
  Forest forest(2 * n - 1);
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(2 * n - 1), 1);
  auto next = n;
  for (auto& merge : merges) {
    auto const [first, second] = std::minmax({forest.root(merge.first), forest.root(merge.second)});
    forest.hang(first, next);
    forest.hang(second, next);
    auto const size =
        sizes[static_cast<std::size_t>(first)] + sizes[static_cast<std::size_t>(second)];
    sizes[static_cast<std::size_t>(next++)] = size;
    merge = {first, second, merge.height, size};
  }
  return merges;
}

std::vector<std::int32_t> cut_at(Dendrogram const& merges, double height) {
  auto const end = std::ranges::upper_bound(merges, height, {}, &Merge::height);
  return labels_after(merges, end - merges.begin());
}

std::vector<std::int32_t> cut_into(Dendrogram const& merges, std::int64_t count) {
  auto const n = std::ssize(merges) + 1;
  return labels_after(merges, n - std::clamp<std::int64_t>(count, 1, n));
}

} // namespace fod::groups
