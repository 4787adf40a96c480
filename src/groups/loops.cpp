#include "loops.hpp"

#include <algorithm>
#include <array>
#include <cmath>

// FOD_CLONES, set by the build, is an attribute that compiles a function for several processors;
// it is empty where they have no such choice.
namespace fod::groups::loops {

FOD_CLONES std::int64_t count_at_least(double const* values, std::int64_t n, double threshold) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    count += std::abs(values[i]) >= threshold ? 1 : 0;
  }
  return count;
}

FOD_CLONES void discount_at_least(double const* values, std::int64_t n, double threshold,
                                  std::int64_t* counts) {
  for (std::int64_t i = 0; i < n; ++i) {
    counts[i] -= std::abs(values[i]) >= threshold ? 1 : 0;
  }
}

namespace {

/// k(r), of which only one branch is left in a loop over values.
template <Kernel Kind>
[[gnu::always_inline]] inline double value_of(double r) {
  if constexpr (Kind == Kernel::squared) {
    return r * r;
  } else if constexpr (Kind == Kernel::absolute) {
    return std::abs(r);
  } else {
    return r;
  }
}

/// Four rows at a time, so that the sums are read and written once per four rows.
template <Kernel Kind>
[[gnu::always_inline]] inline void add(std::span<double const* const> rows, std::int64_t n,
                                       double* sums) {
  std::size_t at = 0;
  for (; at + 4 <= rows.size(); at += 4) {
    double const* const a = rows[at];
    double const* const b = rows[at + 1];
    double const* const c = rows[at + 2];
    double const* const d = rows[at + 3];
    for (std::int64_t i = 0; i < n; ++i) {
      double const two = sums[i] + value_of<Kind>(a[i]) + value_of<Kind>(b[i]);
      sums[i] = two + value_of<Kind>(c[i]) + value_of<Kind>(d[i]);
    }
  }
  for (; at < rows.size(); ++at) {
    double const* const a = rows[at];
    for (std::int64_t i = 0; i < n; ++i) {
      sums[i] += value_of<Kind>(a[i]);
    }
  }
}

template <Kernel Kind>
[[gnu::always_inline]] inline void subtract(double const* row, std::int64_t n, double* sums) {
  for (std::int64_t i = 0; i < n; ++i) {
    sums[i] -= value_of<Kind>(row[i]);
  }
}

constexpr std::size_t lanes = 8;
using Lanes = std::array<double, lanes>;

[[gnu::always_inline]] inline double total(Lanes const& sums) {
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

template <Kernel Kind>
[[gnu::always_inline]] inline double offer(double const* row, double const* closest, std::int64_t n,
                                           double* out) {
  for (std::int64_t j = 0; j < n; ++j) {
    double const distance = 2 - 2 * value_of<Kind>(row[j]);
    double const positive = distance > 0 ? distance : 0;
    out[j] = positive < closest[j] ? positive : closest[j];
  }
  Lanes sums{};
  auto const whole = static_cast<std::size_t>(n) / lanes * lanes;
  for (std::size_t at = 0; at < whole; at += lanes) {
    for (std::size_t k = 0; k < lanes; ++k) {
      sums[k] += out[at + k];
    }
  }
  for (auto at = whole; at < static_cast<std::size_t>(n); ++at) {
    sums[at % lanes] += out[at];
  }
  return total(sums);
}

} // namespace

FOD_CLONES void add_rows(std::span<double const* const> rows, std::int64_t n, Kernel kernel,
                         double* sums) {
  switch (kernel) {
  case Kernel::correlation:
    return add<Kernel::correlation>(rows, n, sums);
  case Kernel::squared:
    return add<Kernel::squared>(rows, n, sums);
  case Kernel::absolute:
    return add<Kernel::absolute>(rows, n, sums);
  }
}

FOD_CLONES void subtract_row(double const* row, std::int64_t n, Kernel kernel, double* sums) {
  switch (kernel) {
  case Kernel::correlation:
    return subtract<Kernel::correlation>(row, n, sums);
  case Kernel::squared:
    return subtract<Kernel::squared>(row, n, sums);
  case Kernel::absolute:
    return subtract<Kernel::absolute>(row, n, sums);
  }
}

FOD_CLONES void offer_cluster(double const* sums, std::int64_t n, double offset, double factor,
                              std::int32_t cluster, std::int32_t const* own, double* best,
                              std::int32_t* label) {
  for (std::int64_t i = 0; i < n; ++i) {
    double const score = own[i] == cluster ? far : offset - factor * sums[i];
    label[i] = score < best[i] ? cluster : label[i];
    best[i] = score < best[i] ? score : best[i];
  }
}

FOD_CLONES void distances(double const* r, std::int64_t n, double* out) {
  for (std::int64_t j = 0; j < n; ++j) {
    out[j] = 1.0 - std::abs(r[j]);
  }
}

FOD_CLONES Least least(double const* values, double const* penalty, std::int64_t n) {
  constexpr std::int64_t block = 256; // the one with the least is searched for its place
  Least found;
  std::int64_t begin = 0;
  for (std::int64_t at = 0; at < n; at += block) {
    std::int64_t const end = std::min(at + block, n);
    double value = far;
    for (std::int64_t j = at; j < end; ++j) {
      double const here = values[j] + penalty[j];
      value = here < value ? here : value;
    }
    if (value < found.value) {
      found.value = value;
      begin = at;
    }
  }
  if (found.value < far) {
    found.index = begin;
    while (values[found.index] + penalty[found.index] != found.value) {
      ++found.index;
    }
  }
  return found;
}

FOD_CLONES void weighted_mean(double const* x, double const* y, double nx, double ny,
                              std::int64_t n, double* out) {
  double const both = nx + ny;
  for (std::int64_t j = 0; j < n; ++j) {
    out[j] = (nx * x[j] + ny * y[j]) / both;
  }
}

FOD_CLONES double squared_distance(double const* a, double const* b, std::int64_t n) {
  Lanes sums{};
  auto const whole = static_cast<std::size_t>(n) / lanes * lanes;
  for (std::size_t at = 0; at < whole; at += lanes) {
    for (std::size_t k = 0; k < lanes; ++k) {
      double const difference = a[at + k] - b[at + k];
      sums[k] += difference * difference;
    }
  }
  for (auto at = whole; at < static_cast<std::size_t>(n); ++at) {
    double const difference = a[at] - b[at];
    sums[at % lanes] += difference * difference;
  }
  return total(sums);
}

FOD_CLONES double offer_center(double const* row, Kernel kernel, double const* closest,
                               std::int64_t n, double* out) {
  switch (kernel) {
  case Kernel::correlation:
    return offer<Kernel::correlation>(row, closest, n, out);
  case Kernel::squared:
    return offer<Kernel::squared>(row, closest, n, out);
  case Kernel::absolute:
    return offer<Kernel::absolute>(row, closest, n, out);
  }
  return 0;
}

} // namespace fod::groups::loops
