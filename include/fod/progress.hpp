#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace fod {

/// The one line that a user watches: samples done and in all, rate and time left. It is rewritten
/// on a terminal, else there is one every 30 seconds. On rank 0 alone.
class Progress {
public:
  /// @param program whose progress it is
  /// @param wanted forces it on or off; empty: on
  /// @param unit what is counted
  Progress(std::string program, std::int64_t total, std::optional<bool> wanted,
           std::string unit = "samples");
  void show(std::int64_t done);
  /// Ends the line.
  void end(std::int64_t done);

private:
  using Clock = std::chrono::steady_clock;
  void print(std::int64_t done) const;

  std::string program_;
  std::int64_t total_;
  std::string unit_;
  bool terminal_;
  bool enabled_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = Clock::now();
  bool printed_ = false;
};

} // namespace fod
