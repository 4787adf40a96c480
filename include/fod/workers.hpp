#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace fod {

/// Cores that this process may run on; at least one.
int usable_cores();

/// Threads that stay, for work that comes in many small portions. What a task computes must not
/// depend on the thread that takes it.
class Workers {
public:
  explicit Workers(int threads);
  ~Workers();
  Workers(Workers const&) = delete;
  Workers& operator=(Workers const&) = delete;

  /// Those of this process; made anew only for another number of threads.
  static std::shared_ptr<Workers> shared(int threads);

  [[nodiscard]] int threads() const { return static_cast<int>(others_.size()) + 1; }

  /// Calls `run(task, thread)` for every task below `tasks`, on this thread and the others, and
  /// waits for all. `run` must not throw.
  template <class Run>
  void run(std::int64_t tasks, Run const& run) {
    dispatch({&run,
              [](void const* context, std::int64_t task, int thread) {
                (*static_cast<Run const*>(context))(task, thread);
              },
              tasks});
  }

private:
  struct Job {
    void const* context = nullptr;
    void (*call)(void const* context, std::int64_t task, int thread) = nullptr;
    std::int64_t tasks = 0;
  };
  void stop();
  void dispatch(Job const& job);
  void take_tasks(Job const& job, int thread);
  void serve(int thread);

  std::mutex one_job_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Job job_;
  std::int64_t generation_ = 0;
  int busy_ = 0;
  bool stop_ = false;
  std::atomic<std::int64_t> next_{0};
  std::vector<std::thread> others_;
};

} // namespace fod
