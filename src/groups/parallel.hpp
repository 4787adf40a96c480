#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace fod::groups {

/// Calls `work(begin, end)` for parts of [0, count) on several threads. What `work` computes for an
/// index must not depend on the part that the index is in, and it must not throw.
/// @param cost of an index, in about nanoseconds: small work is not worth a thread
template <class Work>
void in_parallel(std::int64_t count, std::int64_t cost, int threads, Work work) {
  constexpr std::int64_t least_cost = 200'000; // several times what starting a thread takes
  auto const parts = std::clamp<std::int64_t>(count * cost / least_cost, 1, std::max(threads, 1));
  std::vector<std::jthread> others;
  for (std::int64_t part = 1; part < parts; ++part) {
    others.emplace_back(work, count * part / parts, count * (part + 1) / parts);
  }
  work(0, count / parts);
}

} // namespace fod::groups
