#pragma once

#include "fod/group_options.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

/// Groups of neurons that fire together, from a matrix of correlations alone. Everything is
/// deterministic, ties go to the lowest index, and nothing depends on the number of threads.
namespace fod::groups {

/// A dense symmetric matrix (n, n) of correlations, owned elsewhere: finite, in [-1, 1], 1 on the
/// diagonal. Neurons that have none (dead or constant ones) are for the caller to leave out.
struct MatrixView {
  double const* values = nullptr;
  std::int64_t n = 0;

  [[nodiscard]] constexpr double const* row(std::int64_t i) const { return values + i * n; }
  [[nodiscard]] constexpr double at(std::int64_t i, std::int64_t j) const { return row(i)[j]; }
};

/// Disjoint groups, by size (largest first), then first member. Members ascend.
struct Grouping {
  std::vector<std::vector<std::int64_t>> groups;
  std::vector<std::int64_t> hubs; ///< by group; -1 where the method has none
  std::vector<std::int64_t> ungrouped;
  bool operator==(Grouping const&) const = default;
};

/// The groups that neurons with the same label form. @param labels any numbers, one per neuron
Grouping grouping_of(std::span<std::int32_t const> labels, std::int64_t least_size);

/// What is summed over the neurons of a cluster.
enum class Kernel { correlation, squared, absolute };

/// A neuron that goes from one cluster to another.
struct Move {
  std::int64_t neuron = 0;
  std::int32_t from = 0;
  std::int32_t to = 0;
};

/// The parts of the work that grow as n^2 and repeat, which a GPU can do. The correlations stay
/// valid as long as the engine. All engines give the same bytes: sums run over ascending neurons,
/// each product rounded before it is added.
class Engine {
public:
  Engine() = default;
  Engine(Engine const&) = delete;
  Engine& operator=(Engine const&) = delete;
  virtual ~Engine() = default;

  /// counts[i] = number of j != i with |r_ij| >= threshold.
  virtual void count_neighbours(double threshold, std::span<std::int64_t> counts) = 0;
  /// counts[i] -= number of j in `removed`, j != i, with |r_ij| >= threshold.
  virtual void discount_neighbours(std::span<std::int64_t const> removed, double threshold,
                                   std::span<std::int64_t> counts) = 0;
  /// sums[c * n + i] = sum over the j of cluster c of the kernel k(i, j).
  virtual void cluster_sums(std::span<std::int32_t const> cluster_of, std::int64_t clusters,
                            Kernel kernel, std::span<double> sums) = 0;
  /// The same sums after the moves, which are applied in their order.
  virtual void move_sums(std::span<Move const> moves, Kernel kernel, std::span<double> sums) = 0;
};
std::unique_ptr<Engine> host_engine(MatrixView correlations, int threads);

/// Disjoint groups of at least `least_size` neurons by the chosen method.
/// - correlation_clustering: neurons are neighbours iff |r| >= threshold. The ungrouped neuron with
///   the most ungrouped neighbours (the hub) and those are a group; again, until it would be
///   smaller than `least_size`.
/// - kmeans: kernel k-means on r^2 or r, see kmeans.hpp.
/// - hierarchical: average linkage on 1 - |r|, cut so that clusters merge up to a height of
///   1 - threshold, or into `group_count` clusters; or Ward linkage of the rows of r^2.
/// @param engine one of the same correlations
/// @param threads of the work that the engine does not do
/// @throws Error (usage) if the threshold is outside (0, 1], or for Ward without `group_count`
Grouping find_groups(MatrixView r, Options const& options, Engine& engine, int threads);

/// The older tool's groups, for comparison only: in index order, each neuron in no group yet is a
/// seed; its group is itself and every neuron with a cosine >= threshold, grouped already or not,
/// and counts if it has `least_size` members. So groups can overlap. @param cosine uncentred
std::vector<std::vector<std::int64_t>> legacy_groups(MatrixView cosine, double threshold,
                                                     std::int64_t least_size);

} // namespace fod::groups
