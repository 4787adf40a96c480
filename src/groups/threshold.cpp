#include "fod/group_evidence.hpp"

#include "linkage.hpp"

namespace fod::groups {

namespace {

/// The groups of one half at several thresholds. One dendrogram serves all of them.
class Groups {
public:
  Groups(Half half, Options const& options, int threads)
      : half_(half), options_(options), threads_(threads) {
    if (options.method == Method::hierarchical && half.r.n > 0) {
      merges_ = average_linkage(half.r);
    }
  }
  [[nodiscard]] Grouping at(double threshold) const {
    if (options_.method == Method::hierarchical && half_.r.n > 0) {
      return grouping_of(cut_at(merges_, 1.0 - threshold), options_.least_size);
    }
    auto options = options_;
    options.threshold = threshold;
    return find_groups(half_.r, options, half_.engine, threads_);
  }

private:
  Half half_;
  Options const& options_;
  int threads_;
  Dendrogram merges_;
};

} // namespace

ThresholdChoice choose_threshold(Half even, Half odd, Options const& options, double bound,
                                 int threads) {
  if (options.method == Method::kmeans ||
      (options.method == Method::hierarchical && options.group_count > 0)) {
    return {options.threshold, {}};
  }
  constexpr int first = 6; // twentieths
  constexpr int last = 19;
  ThresholdChoice choice{last / 20.0, {}};
  Groups const even_groups(even, options, threads);
  Groups const odd_groups(odd, options, threads);
  double best = -2; // the index is above -1
  for (int step = first; step <= last; ++step) {
    auto const threshold = step / 20.0;
    if (threshold <= bound) {
      continue;
    }
    auto const in_even = even_groups.at(threshold);
    auto const in_odd = odd_groups.at(threshold);
    auto const stability =
        adjusted_rand_index(labels_of(in_even, even.r.n), labels_of(in_odd, odd.r.n));
    choice.trials.push_back(
        {threshold, stability, std::ssize(in_even.groups), std::ssize(in_odd.groups)});
    if ((!in_even.groups.empty() || !in_odd.groups.empty()) && stability >= best) {
      best = stability;
      choice.threshold = threshold;
    }
  }
  return choice;
}

} // namespace fod::groups
