#pragma once

#include "fod/groups.hpp"

#include <cstdint>
#include <span>
#include <vector>

/// What speaks for groups of neurons, and what one says about them.
namespace fod::groups {

struct GroupFacts {
  double cohesion = 1;           ///< mean |r| over pairs, in [0, 1]; 1 for a neuron alone
  double cohesion_signed = 1;    ///< mean r over pairs
  std::vector<double> loadings;  ///< by member: first eigenvector of their correlations, of length
                                 ///< 1; the hub's entry, else the largest, is positive
  double variance_explained = 1; ///< first eigenvalue / size
};
/// @param hub one of the members, or -1
/// @param threads the same facts for any number
GroupFacts facts_of(MatrixView r, std::span<std::int64_t const> members, std::int64_t hub,
                    int threads);

/// Correlation of a group's activation with another variable: of the mean over members of their
/// standardised activations, those with negative loadings taken with the sign flipped. It is
/// sum s_j r_je / sqrt(sum_ij s_i s_j r_ij); 0 where that mean is constant.
/// @param column_correlations r_je of the other variable e, by neuron (of all n)
double correlation_with(MatrixView r, std::span<std::int64_t const> members,
                        std::span<double const> loadings,
                        std::span<double const> column_correlations);

/// Cluster of each neuron for adjusted_rand_index(): its group, or for an ungrouped neuron a
/// cluster of its own, so that it matters whether two groupings leave out the same neurons.
std::vector<std::int64_t> labels_of(Grouping const& grouping, std::int64_t n);

/// Agreement of two clusterings of the same things, 1 if equal, about 0 if by chance (Hubert &
/// Arabie, "Comparing partitions", 1985). Pairs are counted exactly.
/// @throws Error (usage) if the lengths differ
double adjusted_rand_index(std::span<std::int64_t const> a, std::span<std::int64_t const> b);

/// Members in common / members of either; both ascend.
double jaccard(std::span<std::int64_t const> a, std::span<std::int64_t const> b);

/// By group of `whole`: the largest Jaccard overlap with a group of `even`, and with one of `odd`;
/// their mean.
std::vector<double> group_stability(Grouping const& whole, Grouping const& even,
                                    Grouping const& odd);

/// The |r| that the largest of so many independent pairs of normal variables exceeds by chance with
/// the given probability: Fisher's z, with Šidák's correction for the number of pairs. 1 for up to
/// 3 samples, 0 for no pairs.
double chance_bound(std::int64_t samples, std::int64_t pairs, double probability = 0.01);

/// x with P(Z > x) = probability for a standard normal Z (Wichura, "Algorithm AS 241", 1988; to
/// about 1e-16). @param probability in (0, 1)
double upper_normal_quantile(double probability);

/// The correlations over one half of the samples.
struct Half {
  MatrixView r;
  Engine& engine;
};

/// A threshold that was tried.
struct ThresholdTrial {
  double threshold = 0;
  double stability = 0;         ///< adjusted Rand index between the halves
  std::int64_t groups_even = 0; ///< a trial without groups in either half cannot win: equal
  std::int64_t groups_odd = 0;  ///< partitions into single neurons have an index of 1
};
struct ThresholdChoice {
  double threshold = 0;
  std::vector<ThresholdTrial> trials; ///< ascending
};

/// Of 0.30, 0.35, … 0.95 above the chance bound, the threshold with the best split-half stability
/// of the groups that the options' method finds; the larger of equal ones. If none gives groups,
/// the largest that is above the bound; if none is above it, 0.95. A method that has no threshold
/// (kmeans, or a number of groups) keeps that of the options, with no trials.
ThresholdChoice choose_threshold(Half even, Half odd, Options const& options, double bound,
                                 int threads);

/// A group of one list and the one of another that it is matched with.
struct Match {
  std::int64_t first = 0;
  std::int64_t second = 0;
  double jaccard = 0; ///< above 0
  bool operator==(Match const&) const = default;
};

/// The assignment, one to one, with the largest sum of Jaccard overlaps; by first group. Groups
/// that are left over, or only match at 0, have none. Members ascend; a neuron may be in several
/// groups.
std::vector<Match> match_groups(std::span<std::vector<std::int64_t> const> first,
                                std::span<std::vector<std::int64_t> const> second);

} // namespace fod::groups
