#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace fod {

/// Fills slots in order, ahead of whoever takes them, on a thread of its own or not at all ahead.
/// Never more than the slots are filled or in use. One thread takes and releases.
class ReadAhead {
public:
  /// Fills a slot. @return false if there is nothing more, and the slot was left as it is
  using Fill = std::function<bool(std::size_t slot)>;

  /// @param ahead false: a slot is filled when it is asked for, by the thread that asks
  ReadAhead(std::size_t slots, bool ahead, Fill fill);
  /// Waits for a fill that has begun; no further one begins.
  ~ReadAhead();
  ReadAhead(ReadAhead const&) = delete;
  ReadAhead& operator=(ReadAhead const&) = delete;

  /// The next slot, once it is filled; nothing after the last one. At most `slots` may be taken and
  /// not released. @throws what the fill of this slot threw; it is the end then
  [[nodiscard]] std::optional<std::size_t> next();
  /// The slot that was taken first, of those not released, may be filled again.
  void release();

private:
  void serve();

  std::size_t slots_;
  Fill fill_;
  std::size_t taken_ = 0; ///< slots in all, by the thread that takes them

  std::mutex mutex_; ///< guards what follows
  std::condition_variable changed_;
  std::size_t filled_ = 0;   ///< slots in all
  std::size_t released_ = 0; ///< slots in all
  bool ended_ = false;       ///< no further slot will be filled
  bool stop_ = false;
  std::exception_ptr failure_; ///< of the slot after the last one that was filled
  std::thread thread_;         ///< none if nothing is ahead
};

} // namespace fod
