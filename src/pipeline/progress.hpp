#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

/// Inside of the pipeline: the one line that a user watches.
namespace fod {

/// Shows done/total, rate and time left: one line that is rewritten on a terminal, else a line
/// every 30 seconds. On rank 0 alone.
class Progress {
public:
  /// @param wanted forces it on or off; empty: on
  Progress(std::int64_t total, std::optional<bool> wanted);
  void show(std::int64_t done);
  /// Ends the line.
  void end(std::int64_t done);

private:
  using Clock = std::chrono::steady_clock;
  void print(std::int64_t done) const;

  std::int64_t total_;
  bool terminal_;
  bool enabled_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = Clock::now();
  bool printed_ = false;
};

} // namespace fod
