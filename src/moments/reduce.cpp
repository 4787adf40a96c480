#include "fod/comm.hpp"
#include "fod/moments.hpp"

#include <algorithm>
#include <cmath>

namespace fod {

namespace {

/// Signed sums modulo 2^64 are those of the unsigned.
std::span<std::uint64_t> words(std::span<std::int64_t> values) {
  return {reinterpret_cast<std::uint64_t*>(values.data()), values.size()};
}

void all_sum(std::vector<std::int64_t>& values, Comm const& comm) {
  comm.all_sum(words(values));
}

double largest_magnitude(std::vector<std::int64_t> const& values) {
  double largest = 0;
  for (auto const value : values) {
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  }
  return largest;
}

void all_min(std::vector<float>& values, Comm const& comm) {
  auto const negate = [&] {
    std::transform(values.begin(), values.end(), values.begin(), std::negate<>());
  };
  negate();
  comm.all_max(values);
  negate();
}

} // namespace

void reduce(FixedSums& sums, Comm const& comm) {
  // Low limbs may be summed as they are if even the largest of all ranks together stay below.
  auto const most = comm.all_max(largest_magnitude(sums.low)) * comm.size();
  bool const wide = comm.all_max(sums.high.empty() ? 0 : 1) > 0;
  if (most >= static_cast<double>(limb_room)) {
    comm.agree([&] { sums.spread(); });
  } else if (wide) {
    comm.agree([&] { sums.widen(); });
  }
  all_sum(sums.low, comm);
  all_sum(sums.high, comm);
  sums.canonicalise();
}

void reduce_small(Moments& moments, Comm const& comm) {
  std::vector<std::int64_t> counts;
  for (auto& half : moments.halves) {
    reduce(half.sums, comm);
    counts.insert(counts.end(), {half.count, half.blocks});
  }
  counts.insert(counts.end(), moments.class_counts.begin(), moments.class_counts.end());
  counts.insert(counts.end(), moments.class_missing.begin(), moments.class_missing.end());
  all_sum(counts, comm);
  auto from = counts.begin();
  for (auto& half : moments.halves) {
    half.count = *from++;
    half.blocks = *from++;
  }
  for (auto& count : moments.class_counts) {
    count = *from++;
  }
  for (auto& missing : moments.class_missing) {
    missing = *from++ > 0 ? 1 : 0;
  }
  all_min(moments.smallest, comm);
  comm.all_max(moments.largest);
}

void reduce(Moments& moments, Comm const& comm) {
  for (auto& half : moments.halves) {
    reduce(half.products, comm);
  }
  all_sum(moments.class_sums, comm);
  reduce_small(moments, comm);
  moments.canonicalise();
}

} // namespace fod
