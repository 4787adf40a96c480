#include "conformal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace fod::metrics {

namespace {

std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

/// In [0, 1), from these three alone.
double uniform(std::int64_t id, std::uint64_t seed, std::uint64_t stream) {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15U;
  auto const start = mixed(seed + golden * (stream + 1));
  auto const bits = mixed(start + golden * (static_cast<std::uint64_t>(id) + 1));
  return static_cast<double>(bits >> 11U) * 0x1p-53;
}

bool is_labelled(Portion const& portion, std::size_t row) {
  return portion.counts(row) && portion.labels[row] >= 0;
}

} // namespace

std::string_view name_of(ConformalMethod method) {
  constexpr std::array<std::string_view, 3> names{"lac", "aps", "raps"};
  return names[static_cast<std::size_t>(method)]; // NOLINT: as many as there are methods
}

bool is_calibration(std::int64_t id, std::uint64_t seed, double fraction) {
  return uniform(id, seed, 0) < fraction;
}

double conformal_threshold(std::vector<double> scores, double alpha) {
  auto const n = static_cast<double>(scores.size());
  // 1 - alpha is rounded: 0.9 of 10 must not become the 10th.
  auto const rank = std::ceil((n + 1) * (1 - alpha) - (n + 1) * 0x1p-50);
  if (rank > n) {
    return std::numeric_limits<double>::infinity();
  }
  auto const at = scores.begin() + static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::nth_element(scores.begin(), at, scores.end());
  return *at;
}

void ClassScores::set_row(std::span<double const> probabilities, std::int64_t id) {
  probabilities_ = probabilities;
  u_ = request_.randomized ? uniform(id, request_.seed, 1) : 1;
  ranked_.clear();
}

std::span<double const> ClassScores::of(ConformalMethod method) {
  scores_.resize(probabilities_.size());
  if (method == ConformalMethod::lac) {
    std::transform(probabilities_.begin(), probabilities_.end(), scores_.begin(),
                   [](double p) { return 1 - p; });
    return scores_;
  }
  if (ranked_.empty()) {
    ranked_.resize(probabilities_.size());
    std::iota(ranked_.begin(), ranked_.end(), std::size_t{0});
    std::sort(ranked_.begin(), ranked_.end(), [&](std::size_t a, std::size_t b) {
      return probabilities_[a] != probabilities_[b] ? probabilities_[a] > probabilities_[b] : a < b;
    });
  }
  double before = 0;
  for (std::size_t r = 0; r < ranked_.size(); ++r) {
    auto const p = probabilities_[ranked_[r]];
    auto const excess =
        std::max<std::int64_t>(0, static_cast<std::int64_t>(r) + 1 - request_.k_reg);
    auto const penalty =
        method == ConformalMethod::raps ? request_.lambda * static_cast<double>(excess) : 0;
    scores_[ranked_[r]] = before + u_ * p + penalty;
    before += p;
  }
  return scores_;
}

void Calibration::add(Portion const& portion, std::size_t row) {
  auto const id = portion.ids[row];
  if (!is_labelled(portion, row) || !is_calibration(id, request_.seed, request_.calibration)) {
    return;
  }
  classes_.set_row(portion.prediction(row), id);
  for (std::size_t m = 0; m < scores_.size(); ++m) {
    auto const scores = classes_.of(request_.methods[m]);
    scores_[m].push_back(scores[static_cast<std::size_t>(portion.labels[row])]);
  }
}

void Calibration::add(Calibration const& other) {
  for (std::size_t m = 0; m < scores_.size(); ++m) {
    scores_[m].insert(scores_[m].end(), other.scores_[m].begin(), other.scores_[m].end());
  }
}

void ConformalSets::add(Portion const& portion, std::size_t row) {
  auto const id = portion.ids[row];
  if (!is_labelled(portion, row) || is_calibration(id, request_.seed, request_.calibration)) {
    return;
  }
  classes_.set_row(portion.prediction(row), id);
  for (std::size_t m = 0; m < counts_.size(); ++m) {
    auto const scores = classes_.of(request_.methods[m]);
    auto const size = std::count_if(scores.begin(), scores.end(),
                                    [&](double score) { return score <= thresholds_[m]; });
    auto& counts = counts_[m];
    ++counts.samples;
    counts.classes += size;
    counts.empty += size == 0 ? 1 : 0;
    counts.covered +=
        scores[static_cast<std::size_t>(portion.labels[row])] <= thresholds_[m] ? 1 : 0;
  }
}

void ConformalSets::add(ConformalSets const& other) {
  for (std::size_t m = 0; m < counts_.size(); ++m) {
    counts_[m].samples += other.counts_[m].samples;
    counts_[m].classes += other.counts_[m].classes;
    counts_[m].empty += other.counts_[m].empty;
    counts_[m].covered += other.counts_[m].covered;
  }
}

std::vector<ConformalReport> ConformalSets::reports() const {
  std::vector<ConformalReport> all;
  for (std::size_t m = 0; m < counts_.size(); ++m) {
    auto const& counts = counts_[m];
    auto const of_all = [&](std::int64_t part) {
      return counts.samples > 0 ? static_cast<double>(part) / static_cast<double>(counts.samples)
                                : std::numeric_limits<double>::quiet_NaN();
    };
    all.push_back({request_.methods[m], 0, counts.samples, thresholds_[m], counts.covered,
                   of_all(counts.covered), of_all(counts.classes), of_all(counts.empty)});
  }
  return all;
}

} // namespace fod::metrics
