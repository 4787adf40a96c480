#include "patterns.cuh"

#include "fod/shard.hpp"

#include <thread>
#include <vector>

namespace fod::host {

void patterns(float const* values, PatternSpec const& spec, PatternView const& out, int threads) {
  auto const run = [&](IndexRange rows) {
    for (auto r = rows.begin; r < rows.end; ++r) {
      row::activity(values, spec, r, out, row::Alone());
    }
  };
  std::vector<std::jthread> helpers;
  for (int t = 1; t < threads; ++t) {
    helpers.emplace_back([&, t] { run(shard_of({0, spec.rows}, threads, t)); });
  }
  run(shard_of({0, spec.rows}, threads, 0));
}

} // namespace fod::host
