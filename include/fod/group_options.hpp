#pragma once

#include <cstdint>
#include <string_view>

/// How groups of neurons are found.
namespace fod::groups {

enum class Method { correlation_clustering, kmeans, hierarchical };
enum class Linkage { average, ward };
std::string_view name_of(Method method);

struct Options {
  Method method = Method::correlation_clustering;
  double threshold = 0.6;       ///< of |r|, in (0, 1]
  std::int64_t least_size = 3;  ///< smaller groups are none
  std::int64_t group_count = 0; ///< K, at most n; 0: by the threshold (hierarchical) or found by
                                ///< silhouette (kmeans)
  bool sign_blind = true;       ///< kmeans: kernel r^2 instead of r
  Linkage linkage = Linkage::average;
  std::uint64_t seed = 0; ///< of kmeans
  int restarts = 10;      ///< of kmeans
};

} // namespace fod::groups
