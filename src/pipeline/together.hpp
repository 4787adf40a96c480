#pragma once

#include "output.hpp"

#include "fod/progress.hpp"

#include <functional>

/// Inside of the pipeline: ranks that work side by side.
namespace fod {

/// Work of one rank over its blocks, under way.
class Shift {
public:
  Shift(ControlChannel& channel, Progress* progress) : channel_(channel), progress_(progress) {}

  [[nodiscard]] bool stop_requested() const { return channel_.stop_requested(); }
  /// Says that further samples are done.
  void report(std::int64_t samples) {
    done_ += samples;
    channel_.report(done_);
    if (progress_ != nullptr) {
      progress_->show(channel_.total_done());
    }
  }
  [[nodiscard]] std::int64_t done() const { return done_; }

private:
  ControlChannel& channel_;
  Progress* progress_; ///< on rank 0
  std::int64_t done_ = 0;
};

/// "progress is kept in …; start the same command with --resume to go on".
std::string how_to_go_on(Output const& output);

/// The error with that added, unless it says so already.
Error with_progress(Error const& error, Output const& output);

/// Runs `work` on every rank. Nothing in it is collective; its end is.
/// @param samples that all ranks together have to do
/// @throws AgreedError if a signal asked any to stop: files are closed then, progress kept
/// @throws UncleanError if any rank failed: they are not, for a rank that fails could make others
///         wait
void work_together(Prepared const& job, std::int64_t samples, Output& output, Comm const& comm,
                   std::function<void(Shift&)> const& work);

} // namespace fod
