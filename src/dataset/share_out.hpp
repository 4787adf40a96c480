#pragma once

#include "fod/shard.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace fod {

/// Runs `work(index)` for each index in `range` on several threads, each with a worker of its own
/// made by `make_worker`. Throws what the lowest index threw; it is the same for any number.
template <class MakeWorker>
void share_out(IndexRange range, int threads, MakeWorker make_worker) {
  std::atomic<std::int64_t> next = range.begin;
  std::atomic<bool> stop = false;
  std::mutex guard;
  std::pair<std::int64_t, std::exception_ptr> first{range.end, nullptr};
  auto const run = [&] {
    auto work = make_worker();
    while (!stop) {
      auto const index = next++;
      if (index >= range.end) {
        return;
      }
      try {
        work(index);
      } catch (...) {
        stop = true; // all lower ones are taken already, and their threads end them
        std::lock_guard const lock(guard);
        if (index < first.first) {
          first = {index, std::current_exception()};
        }
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::int64_t i = 1; i < std::min<std::int64_t>(threads, range.size()); ++i) {
      others.emplace_back(run);
    }
    run();
  }
  if (first.second) {
    std::rethrow_exception(first.second);
  }
}

} // namespace fod
