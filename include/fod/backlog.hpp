#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace fod {

/// Steps that are done in order, by a thread of its own behind the one that posts them, or at once.
/// After a step that throws no other one is done. One thread posts and waits.
class Backlog {
public:
  /// @param behind false: a step is done when it is posted, by the thread that posts it
  explicit Backlog(bool behind);
  /// Waits for the step at work; those after it are not done.
  ~Backlog();
  Backlog(Backlog const&) = delete;
  Backlog& operator=(Backlog const&) = delete;

  /// @return the number of the step, counted from 1. @throws what an earlier step threw
  std::int64_t post(std::function<void()> step);
  /// Waits until the steps up to that one are done. @throws what a step threw
  void wait_for(std::int64_t step);
  /// Waits until all are done, or one has thrown. @throws what a step threw
  void drain() { wait_for(posted_); }

private:
  void serve();
  void run_next(std::unique_lock<std::mutex>& lock);

  std::int64_t posted_ = 0; ///< by the thread that posts

  std::mutex mutex_; ///< guards what follows
  std::condition_variable changed_;
  std::deque<std::function<void()>> steps_; ///< that wait
  std::int64_t done_ = 0;
  bool stop_ = false;
  std::exception_ptr failure_; ///< of the step after those that are done
  std::thread thread_;         ///< none if nothing is behind
};

} // namespace fod
