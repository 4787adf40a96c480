#include "fod/backlog.hpp"

#include <utility>

namespace fod {

Backlog::Backlog(bool behind) {
  if (behind) {
    thread_ = std::thread([this] { serve(); });
  }
}

Backlog::~Backlog() {
  {
    std::lock_guard const lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

std::int64_t Backlog::post(std::function<void()> step) {
  {
    std::lock_guard const lock(mutex_);
    if (failure_ != nullptr) {
      std::rethrow_exception(failure_);
    }
    ++posted_;
    steps_.push_back(std::move(step));
  }
  changed_.notify_all();
  if (!thread_.joinable()) {
    std::unique_lock lock(mutex_);
    run_next(lock);
    if (failure_ != nullptr) {
      std::rethrow_exception(failure_);
    }
  }
  return posted_;
}

void Backlog::wait_for(std::int64_t step) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_ >= step || failure_ != nullptr; });
  if (failure_ != nullptr) {
    std::rethrow_exception(failure_);
  }
}

void Backlog::run_next(std::unique_lock<std::mutex>& lock) {
  auto const step = std::move(steps_.front());
  steps_.pop_front();
  lock.unlock();
  std::exception_ptr failure;
  try {
    step();
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  done_ += failure == nullptr ? 1 : 0;
  failure_ = failure;
  changed_.notify_all();
}

void Backlog::serve() {
  std::unique_lock lock(mutex_);
  while (failure_ == nullptr) {
    changed_.wait(lock, [&] { return stop_ || !steps_.empty(); });
    if (stop_) {
      return;
    }
    run_next(lock);
  }
}

} // namespace fod
