#include "fod/groups.hpp"

#include "fod/error.hpp"
#include "grouping.hpp"
#include "kmeans.hpp"
#include "linkage.hpp"

#include <algorithm>
#include <string>

namespace fod::groups {

namespace {

void check(Options const& options) {
  if (!(options.threshold > 0 && options.threshold <= 1)) {
    throw bad_input("the correlation threshold is " + std::to_string(options.threshold),
                    "it is compared with |r|", "give a number above 0, up to 1");
  }
  if (options.method == Method::hierarchical && options.linkage == Linkage::ward &&
      options.group_count < 1) {
    throw bad_input("Ward linkage has no number of groups", "its heights are no correlations",
                    "give the number of groups, or take average linkage");
  }
}

std::vector<std::int32_t> linked(MatrixView r, Options const& options, int threads) {
  auto const merges =
      options.linkage == Linkage::ward ? ward_linkage(r, threads) : average_linkage(r);
  return options.group_count > 0 ? cut_into(merges, options.group_count)
                                 : cut_at(merges, 1.0 - options.threshold);
}

} // namespace

Grouping find_groups(MatrixView r, Options const& options, Engine& engine, int threads) {
  check(options);
  if (r.n == 0) {
    return {};
  }
  switch (options.method) {
  case Method::correlation_clustering:
    return correlation_clustering(r, options, engine);
  case Method::hierarchical:
    return grouping_of(linked(r, options, threads), options.least_size);
  case Method::kmeans:
    break;
  }
  KmeansSettings const settings{options.sign_blind ? Kernel::squared : Kernel::correlation,
                                options.seed, options.restarts};
  auto const clustering =
      options.group_count > 0
          ? kmeans(r, std::min(options.group_count, r.n), settings, engine, threads)
          : kmeans_by_silhouette(r, options.least_size, settings, engine, threads);
  return grouping_of(clustering.labels, options.least_size);
}

} // namespace fod::groups
