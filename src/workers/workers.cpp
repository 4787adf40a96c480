#include "fod/workers.hpp"

#include <algorithm>

namespace fod {

int usable_cores() {
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

Workers::Workers(int threads) {
  try {
    for (int t = 1; t < threads; ++t) {
      others_.emplace_back([this, t] { serve(t); });
    }
  } catch (...) { // the system gives no more threads
    stop();
    throw;
  }
}

Workers::~Workers() {
  stop();
}

void Workers::stop() {
  {
    std::lock_guard const lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (auto& other : others_) {
    other.join();
  }
}

std::shared_ptr<Workers> Workers::shared(int threads) {
  static std::mutex mutex;
  static std::weak_ptr<Workers> latest;
  std::lock_guard const lock(mutex);
  auto workers = latest.lock();
  if (workers == nullptr || workers->threads() != threads) {
    workers = std::make_shared<Workers>(threads);
    latest = workers;
  }
  return workers;
}

void Workers::take_tasks(Job const& job, int thread) {
  for (auto task = next_.fetch_add(1); task < job.tasks; task = next_.fetch_add(1)) {
    job.call(job.context, task, thread);
  }
}

void Workers::dispatch(Job const& job) {
  std::lock_guard const only(one_job_);
  if (others_.empty() || job.tasks <= 1) {
    for (std::int64_t task = 0; task < job.tasks; ++task) {
      job.call(job.context, task, 0);
    }
    return;
  }
  {
    std::lock_guard const lock(mutex_);
    job_ = job;
    next_ = 0;
    busy_ = static_cast<int>(others_.size());
    ++generation_;
  }
  changed_.notify_all();
  take_tasks(job, 0);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return busy_ == 0; });
}

void Workers::serve(int thread) {
  std::int64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || generation_ != seen; });
    if (stop_) {
      return;
    }
    seen = generation_;
    auto const job = job_;
    lock.unlock();
    take_tasks(job, thread);
    lock.lock();
    if (--busy_ == 0) {
      changed_.notify_all();
    }
  }
}

} // namespace fod
