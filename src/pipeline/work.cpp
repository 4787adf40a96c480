#include "work.hpp"

#include <algorithm>
#include <cstring>

namespace fod {

namespace {

/// Plain numbers as bytes, for a broadcast.
std::string bytes_of(std::vector<std::int64_t> const& numbers) {
  return {reinterpret_cast<char const*>(numbers.data()), numbers.size() * sizeof(std::int64_t)};
}

std::vector<std::int64_t> numbers_of(std::string const& bytes) {
  std::vector<std::int64_t> numbers(bytes.size() / sizeof(std::int64_t));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(std::int64_t));
  return numbers;
}

/// The same blocks in order, as few runs: an earlier job leaves as many as it had ranks.
store::BlockRuns joined(store::BlockRuns runs) {
  std::sort(runs.begin(), runs.end(), [](IndexRange a, IndexRange b) { return a.begin < b.begin; });
  store::BlockRuns few;
  for (auto const run : runs) {
    if (few.empty() || run.begin > few.back().end) {
      few.push_back(run);
    }
    few.back().end = std::max(few.back().end, run.end);
  }
  return few;
}

} // namespace

store::BlockRuns KeptSums::begin(Comm const& comm, Take const& take,
                                 store::SavedSums::Body const& write) {
  std::vector<std::int64_t> told;
  comm.on_root([&] {
    auto const covered = saved_.load(take);
    if (!covered.empty() || saved_.generation() > 0) {
      saved_.write_base(covered, write);
    }
    told.push_back(saved_.generation());
    for (auto const& run : covered) {
      told.insert(told.end(), {run.begin, run.end});
    }
  });
  told = numbers_of(comm.broadcast(bytes_of(told)));
  saved_.set_generation(told.front());
  store::BlockRuns covered;
  for (std::size_t i = 1; i + 1 < told.size(); i += 2) {
    covered.push_back({told[i], told[i + 1]});
  }
  return covered;
}

Work left_of(store::Layout const& layout, std::vector<std::int64_t> const* marked,
             store::BlockRuns const* summed, Comm const& comm) {
  auto const runs = summed == nullptr ? store::BlockRuns{layout.blocks} : joined(*summed);
  auto const is_summed = [&](std::int64_t block) {
    auto const after =
        std::upper_bound(runs.begin(), runs.end(), block,
                         [](std::int64_t value, IndexRange run) { return value < run.begin; });
    return after != runs.begin() && std::prev(after)->contains(block);
  };
  std::vector<Todo> all;
  Work work;
  for (auto block = layout.blocks.begin; block < layout.blocks.end; ++block) {
    bool const rows =
        marked == nullptr || std::binary_search(marked->begin(), marked->end(), block);
    bool const sums = is_summed(block);
    if (!rows || !sums) {
      all.push_back({block, summed != nullptr && !sums});
      work.samples += layout.grid.samples_of(block).size();
    }
  }
  work.blocks = std::ssize(all);
  work.done_before = layout.blocks.size() - work.blocks;
  auto const mine = shard_of({0, work.blocks}, comm.size(), comm.rank());
  work.mine.assign(all.begin() + mine.begin, all.begin() + mine.end);
  return work;
}

bool CheckpointClock::due() const {
  return since() >= interval_;
}

double CheckpointClock::since() const {
  return std::chrono::duration<double>(Clock::now() - last_).count();
}

void CheckpointClock::run(std::function<void()> const& save) {
  auto const start = Clock::now();
  save();
  last_ = Clock::now();
  auto const cost = std::chrono::duration<double>(last_ - start).count();
  // 0 was asked for by someone who wants every block to be safe.
  interval_ = asked_ > 0 ? std::max(asked_, cost / most_share) : 0;
}

} // namespace fod
