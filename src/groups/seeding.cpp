#include "seeding.hpp"

#include "loops.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fod::groups {

double Random::next() {
  constexpr int unused = 64 - std::numeric_limits<double>::digits;
  return std::ldexp(static_cast<double>(generator_() >> unused),
                    -std::numeric_limits<double>::digits);
}

namespace {

/// The first index up to which the weights exceed a share of their sum.
std::int64_t drawn(std::vector<double> const& weights, double sum, double share) {
  double left = sum * share;
  std::int64_t last = 0; // of positive weight: rounding may leave a little at the end
  for (std::int64_t i = 0; i < std::ssize(weights); ++i) {
    auto const weight = weights[static_cast<std::size_t>(i)];
    if (weight > 0) {
      last = i;
      if (left < weight) {
        break;
      }
      left -= weight;
    }
  }
  return last;
}

} // namespace

std::vector<std::int64_t> draw_centers(MatrixView r, std::int64_t count, Kernel kernel,
                                       Random& random) {
  auto const n = static_cast<std::size_t>(r.n);
  std::vector<double> closest(n, loops::far);
  std::vector<double> trial(n);
  std::vector<double> best(n);
  std::vector<std::int64_t> centers;
  auto const offer = [&](std::int64_t center) {
    return loops::offer_center(r.row(center), kernel, closest.data(), r.n, trial.data());
  };
  auto const first = static_cast<std::int64_t>(random.next() * static_cast<double>(r.n));
  double sum = offer(first);
  centers.push_back(first);
  closest.swap(trial);
  auto const trials = 8 + 4 * static_cast<int>(std::log(static_cast<double>(count)));
  while (std::ssize(centers) < count && sum > 0) {
    double least = loops::far;
    std::int64_t center = 0;
    for (int k = 0; k < trials; ++k) {
      auto const candidate = drawn(closest, sum, random.next());
      if (double const after = offer(candidate); after < least) {
        least = after;
        center = candidate;
        best.swap(trial);
      }
    }
    centers.push_back(center);
    closest.swap(best);
    sum = least;
  }
  return centers;
}

} // namespace fod::groups
