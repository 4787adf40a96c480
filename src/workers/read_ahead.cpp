#include "fod/read_ahead.hpp"

#include <utility>

namespace fod {

ReadAhead::ReadAhead(std::size_t slots, bool ahead, Fill fill)
    : slots_(slots), fill_(std::move(fill)) {
  if (ahead) {
    thread_ = std::thread([this] { serve(); });
  }
}

ReadAhead::~ReadAhead() {
  {
    std::lock_guard const lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

std::optional<std::size_t> ReadAhead::next() {
  auto const slot = taken_ % slots_;
  if (!thread_.joinable()) {
    if (ended_) {
      return std::nullopt;
    }
    ended_ = true; // should it throw
    ended_ = !fill_(slot);
    if (ended_) {
      return std::nullopt;
    }
  } else {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return filled_ > taken_ || ended_; });
    if (filled_ == taken_) { // what was filled before the end is given first
      if (failure_ != nullptr) {
        std::rethrow_exception(std::exchange(failure_, nullptr));
      }
      return std::nullopt;
    }
  }
  ++taken_;
  return slot;
}

void ReadAhead::release() {
  {
    std::lock_guard const lock(mutex_);
    ++released_;
  }
  changed_.notify_all();
}

void ReadAhead::serve() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    changed_.wait(lock, [&] { return stop_ || filled_ - released_ < slots_; });
    if (stop_) {
      return;
    }
    auto const slot = filled_ % slots_;
    lock.unlock();
    bool more = false;
    std::exception_ptr failure;
    try {
      more = fill_(slot);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    filled_ += more ? 1 : 0;
    ended_ = !more;
    failure_ = failure;
    changed_.notify_all();
  }
}

} // namespace fod
