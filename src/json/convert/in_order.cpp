#include "in_order.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <semaphore>
#include <thread>
#include <vector>

namespace fod::json {

namespace {

class Line {
public:
  explicit Line(int threads) : making_(threads) {}

  void work(PieceMaker& maker) {
    try {
      while (one_piece(maker)) {
      }
    } catch (...) {
      stop(std::current_exception());
    }
  }

  void rethrow() const {
    if (error_) {
      std::rethrow_exception(error_);
    }
  }

private:
  /// False: this thread is to end.
  bool one_piece(PieceMaker& maker) {
    std::int64_t piece = 0;
    {
      std::scoped_lock const one_taker(taking_);
      piece = taken_;
      if (stopped() || !maker.take(piece)) {
        return false;
      }
      ++taken_;
    }
    making_.acquire();
    try {
      maker.make();
    } catch (...) {
      making_.release();
      throw;
    }
    making_.release();
    std::unique_lock lock(mutex_);
    turn_.wait(lock, [&] { return stopped_ || given_ == piece; });
    if (stopped_) {
      return false;
    }
    lock.unlock(); // nobody else has this turn
    bool const more = maker.give();
    lock.lock();
    ++given_;
    stopped_ = stopped_ || !more;
    turn_.notify_all();
    return !stopped_;
  }

  bool stopped() {
    std::scoped_lock const lock(mutex_);
    return stopped_;
  }

  void stop(std::exception_ptr error) {
    std::scoped_lock const lock(mutex_);
    if (!error_) {
      error_ = std::move(error);
    }
    stopped_ = true;
    turn_.notify_all();
  }

  std::counting_semaphore<> making_;
  std::mutex taking_;
  std::int64_t taken_ = 0;
  std::mutex mutex_;
  std::condition_variable turn_;
  std::int64_t given_ = 0;
  bool stopped_ = false;
  std::exception_ptr error_;
};

} // namespace

void make_in_order(int threads, std::function<std::unique_ptr<PieceMaker>()> const& maker) {
  std::vector<std::unique_ptr<PieceMaker>> makers;
  for (int i = 0; i < threads + 1; ++i) { // one takes and gives while the others make
    makers.push_back(maker());
  }
  Line line(threads);
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < makers.size(); ++i) {
      others.emplace_back([&line, &own = *makers[i]] { line.work(own); });
    }
    line.work(*makers[0]);
  }
  line.rethrow();
}

} // namespace fod::json
