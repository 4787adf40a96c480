#include "fod/group_evidence.hpp"

#include "eigen.hpp"

#include <algorithm>
#include <cmath>

namespace fod::groups {

GroupFacts facts_of(MatrixView r, std::span<std::int64_t const> members, std::int64_t hub,
                    int threads) {
  GroupFacts facts;
  if (members.empty()) {
    return facts;
  }
  double sum = 0;
  double sum_signed = 0;
  for (std::size_t a = 0; a < members.size(); ++a) {
    for (std::size_t b = a + 1; b < members.size(); ++b) {
      auto const value = r.at(members[a], members[b]);
      sum += std::abs(value);
      sum_signed += value;
    }
  }
  auto const size = static_cast<double>(members.size());
  if (members.size() > 1) {
    auto const pairs = size * (size - 1) / 2;
    facts.cohesion = std::min(sum / pairs, 1.0);
    facts.cohesion_signed = std::clamp(sum_signed / pairs, -1.0, 1.0);
  }

  auto first = first_eigen_pair(r, members, threads);
  facts.variance_explained = std::clamp(first.value / size, 0.0, 1.0);
  facts.loadings = std::move(first.vector);
  auto const by_size = [](double value) { return std::abs(value); };
  auto leading = std::ranges::max_element(facts.loadings, {}, by_size);
  if (auto const at = std::ranges::find(members, hub); at != members.end()) {
    leading = facts.loadings.begin() + (at - members.begin());
  }
  if (*leading < 0) {
    for (auto& loading : facts.loadings) {
      loading = -loading;
    }
  }
  return facts;
}

double correlation_with(MatrixView r, std::span<std::int64_t const> members,
                        std::span<double const> loadings,
                        std::span<double const> column_correlations) {
  auto const sign = [&](std::size_t at) { return loadings[at] < 0 ? -1.0 : 1.0; };
  double covariance = 0;
  double variance = 0;
  for (std::size_t a = 0; a < members.size(); ++a) {
    covariance += sign(a) * column_correlations[static_cast<std::size_t>(members[a])];
    for (std::size_t b = 0; b < members.size(); ++b) {
      variance += sign(a) * sign(b) * r.at(members[a], members[b]);
    }
  }
  // Of size^2 terms up to 1, what is left of zero is rounding.
  auto const size = static_cast<double>(members.size());
  return variance > 1e-12 * size * size ? std::clamp(covariance / std::sqrt(variance), -1.0, 1.0)
                                        : 0;
}

} // namespace fod::groups
