#pragma once

#include "fod/comm.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

/// Nobody waits for ever for a rank that is stopped, hung or gone.
namespace fod {

/// What a rank says at every beat.
struct Beat {
  double stalled = 0;   ///< seconds since its last progress, 0 if it owes none
  bool leaving = false; ///< it says no more after this
};

/// Seconds without progress of this rank, counted while it owes some.
class StallClock {
public:
  /// `seconds` have passed; `steps` counts what was done so far. Returns the seconds of the stall.
  double pass(double seconds, bool owed, std::uint64_t steps);

private:
  std::uint64_t steps_ = 0;
  double stalled_ = 0;
};

/// When ranks were last heard of. Time is that of the watching process, handed to it in pieces: one
/// that was itself stopped for a while, with all the others, must not blame them for it.
class LifeSigns {
public:
  explicit LifeSigns(std::size_t ranks) : ranks_(ranks) {}

  struct Suspect {
    std::size_t rank = 0;
    double seconds = 0;
    bool silent = false;    ///< else it is alive, without progress
    std::size_t others = 0; ///< further ranks that are in the same state
  };

  void pass(double seconds);
  void heard(std::size_t rank, Beat beat);
  [[nodiscard]] bool left(std::size_t rank) const { return ranks_[rank].beat.leaving; }
  [[nodiscard]] bool all_left() const;
  /// The lowest rank that was silent, else that made no progress, for more than `timeout` seconds.
  [[nodiscard]] std::optional<Suspect> suspect(double timeout) const;

private:
  struct Rank {
    double silence = 0;
    Beat beat;
  };
  std::vector<Rank> ranks_;
};

/// A thread on each rank that tells rank 0 every so often that the rank lives, and whether its main
/// thread goes on (`note_progress`) where it owes that, inside of a `ControlChannel`; everywhere
/// else a process that lives is enough. Rank 0 finds who is missing, the others watch rank 0. Not
/// seen: a main thread that hangs outside of the loop.
class Monitor {
public:
  /// Collective. @param stall_timeout seconds of silence or missing progress that end the job
  /// @param report gets the error, on the one rank that found it, before all ranks are aborted
  Monitor(Comm const& comm, double stall_timeout, std::function<void(Error const&)> report);
  /// Waits for the other ranks, which are watched meanwhile. Collective.
  ~Monitor();
  Monitor(Monitor const&) = delete;
  Monitor& operator=(Monitor const&) = delete;

  /// Once this is destroyed the process ends within `stall_timeout` seconds, but not less than 30,
  /// by force if need be: the end of MPI waits for all ranks, and nobody can talk any more.
  void guard_exit();

private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace fod
