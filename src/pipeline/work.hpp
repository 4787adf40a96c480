#pragma once

#include "layer_moments.hpp"

#include "fod/saved_sums.hpp"
#include "fod/store.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <vector>

/// Inside of the pipeline: what is left to do, and how what was done is kept.
namespace fod {

/// A block that is to be run.
struct Todo {
  std::int64_t block = 0;
  bool sums = true; ///< its sums are missing too, not its rows alone
};

/// What is left of a pass over the data.
struct Work {
  std::vector<Todo> mine;       ///< of this rank, ascending
  std::int64_t samples = 0;     ///< of all ranks
  std::int64_t blocks = 0;      ///< of all ranks
  std::int64_t done_before = 0; ///< blocks
};

/// Sums of one kind over the blocks of a pass, in memory and beside the partial file.
class KeptSums {
public:
  /// Reads what a file holds; throws if it is damaged.
  using Take = std::function<void(h5::File const&)>;

  KeptSums(std::string const& path, std::string const& kind, std::string const& creation)
      : saved_(path, kind, creation) {}

  /// Joins what earlier jobs left by `take` on rank 0, and writes that as the base by `write`.
  /// Collective. @return the blocks whose sums are there
  store::BlockRuns begin(Comm const& comm, Take const& take, store::SavedSums::Body const& write);
  /// Of earlier jobs; empty if there were none.
  [[nodiscard]] std::string base_path() const { return saved_.base_path(); }
  void save(int rank, store::BlockRuns const& blocks, store::SavedSums::Body const& write) const {
    saved_.save(rank, blocks, write);
  }

private:
  store::SavedSums saved_;
};

/// Blocks that lack a mark or their sums, shared among the ranks as contiguous runs.
/// @param marked ascending; null if the pass writes no rows
/// @param summed null if the pass has no sums
Work left_of(store::Layout const& layout, std::vector<std::int64_t> const* marked,
             store::BlockRuns const* summed, Comm const& comm);

/// Decides when progress is saved: at an interval, and more seldom where that costs too much time.
class CheckpointClock {
public:
  /// Of the time, for saving.
  static constexpr double most_share = 0.02;

  explicit CheckpointClock(double interval) : asked_(interval), interval_(interval) {}
  [[nodiscard]] bool due() const;
  /// Seconds since progress was saved.
  [[nodiscard]] double since() const;
  /// Runs `save` and notes what it cost.
  void run(std::function<void()> const& save);
  [[nodiscard]] double interval() const { return interval_; }

private:
  using Clock = std::chrono::steady_clock;
  double asked_;
  double interval_;
  Clock::time_point last_ = Clock::now();
};

} // namespace fod
