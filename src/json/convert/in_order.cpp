#include "in_order.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace fod::json {

namespace {

/// What all threads share; each looks for what can be done next, handing over first. Who changes
/// something looks again itself, so that waking one more is enough.
class Line {
public:
  Line(int threads, std::vector<std::unique_ptr<PieceMaker>> const& makers) : may_make_(threads) {
    for (auto const& maker : makers) {
      free_.push_back(maker.get());
    }
  }

  void work() {
    std::unique_lock lock(mutex_);
    try {
      while (!stopped_) {
        if (!giving_ && made_.contains(given_)) {
          give(lock);
        } else if (!taking_ && !all_taken_ && may_make_ > 0 && !free_.empty()) {
          take_and_make(lock);
        } else if (all_taken_ && given_ == taken_) {
          break;
        } else {
          changed_.wait(lock);
        }
      }
    } catch (...) {
      if (!lock.owns_lock()) {
        lock.lock();
      }
      error_ = error_ ? error_ : std::current_exception();
      stopped_ = true;
    }
    changed_.notify_all();
  }

  void rethrow() const {
    if (error_) {
      std::rethrow_exception(error_);
    }
  }

private:
  void give(std::unique_lock<std::mutex>& lock) {
    auto* const maker = made_.extract(given_).mapped();
    giving_ = true;
    lock.unlock();
    bool const more = maker->give();
    lock.lock();
    giving_ = false;
    ++given_;
    free_.push_back(maker);
    stopped_ = stopped_ || !more;
    changed_.notify_one();
  }

  void take_and_make(std::unique_lock<std::mutex>& lock) {
    auto* const maker = free_.back();
    auto const piece = taken_;
    free_.pop_back();
    taking_ = true;
    --may_make_;
    lock.unlock();
    bool const found = maker->take(piece);
    lock.lock();
    taking_ = false;
    all_taken_ = !found;
    taken_ += found ? 1 : 0;
    changed_.notify_one();
    if (found) {
      lock.unlock();
      maker->make();
      lock.lock();
      made_[piece] = maker;
    }
    ++may_make_;
    changed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<PieceMaker*> free_;
  std::map<std::int64_t, PieceMaker*> made_; ///< not given yet, by piece
  int may_make_;
  bool taking_ = false;
  bool giving_ = false;
  bool all_taken_ = false;
  bool stopped_ = false;
  std::int64_t taken_ = 0;
  std::int64_t given_ = 0;
  std::exception_ptr error_;
};

} // namespace

void make_in_order(int threads, int rooms,
                   std::function<std::unique_ptr<PieceMaker>()> const& maker) {
  std::vector<std::unique_ptr<PieceMaker>> makers;
  for (int i = 0; i < rooms; ++i) {
    makers.push_back(maker());
  }
  Line line(threads, makers);
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < std::max(2, threads); ++i) {
      others.emplace_back([&line] { line.work(); });
    }
    line.work();
  }
  line.rethrow();
}

} // namespace fod::json
