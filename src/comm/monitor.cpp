#include "fod/monitor.hpp"

#include "library.hpp"

#include "fod/alive.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <sstream>
#include <thread>
#include <unistd.h>
#include <utility>

namespace fod {

namespace {

using Clock = std::chrono::steady_clock; // stands still while the machine sleeps
constexpr int beat_tag = 1;
constexpr double last_resort = 5;   // seconds later than the first, other ranks speak up too
constexpr double shortest_end = 30; // seconds that libraries may take to end, many ranks per core

double seconds_of(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// "12", or "0.4" of what is short.
std::string rounded(double seconds) {
  std::ostringstream text;
  text << (seconds < 10 ? std::round(seconds * 10) / 10 : std::round(seconds));
  return text.str();
}

/// A thread that leaves signals to the main thread.
std::thread quiet_thread(std::function<void()> work) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(work));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

} // namespace

class Monitor::Impl {
public:
  Impl(Comm comm, double timeout, std::function<void(Error const&)> report)
      : comm_(std::move(comm)), timeout_(timeout), interval_(std::clamp(timeout / 10, 0.05, 5.0)),
        report_(std::move(report)), hosts_(comm_.all_gather(host_name())),
        signs_(static_cast<std::size_t>(comm_.size())), lines_(hosts_.size()) {
    if (comm_.size() > 1) {
      mpi::check(MPI_Comm_dup(comm_.impl().handle, &handle_), "cannot duplicate the communicator");
    }
    thread_ = quiet_thread([this] { run(); });
  }
  Impl(Impl const&) = delete;
  Impl& operator=(Impl const&) = delete;

  ~Impl() {
    {
      std::lock_guard const lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
    if (handle_ != MPI_COMM_NULL) {
      MPI_Comm_free(&handle_);
    }
    if (guards_exit_) {
      watch_exit();
    }
  }

  void guard_exit() { guards_exit_ = comm_.size() > 1; }

private:
  /// The last message to a rank, and whether it has left.
  struct Line {
    MPI_Request request = MPI_REQUEST_NULL;
    Beat beat;
  };

  [[nodiscard]] bool is_root() const { return comm_.is_root(); }

  void run() {
    try {
      while (!step()) {
        std::unique_lock lock(mutex_);
        // At the end the others are about to leave too.
        wake_.wait_for(lock, std::chrono::duration<double>(ending_ ? 0.002 : interval_),
                       [this] { return ending_ && !seen_ending_; });
        seen_ending_ = ending_;
      }
    } catch (Error const& error) {
      end_job(error.within("rank " + std::to_string(comm_.rank()) + ", watching the others"));
    }
  }

  /// Listens, speaks and judges; true once this rank may leave.
  bool step() {
    auto const now = Clock::now();
    // Time in which this process was stopped counts for nobody.
    auto const passed = std::min(seconds_of(now - last_), 2 * interval_);
    last_ = now;
    signs_.pass(passed);
    since_beat_ += passed;
    bool const owed = comm_.impl().activity->owed;
    Beat const own{stall_.pass(passed, owed, progress_noted()), false};
    signs_.heard(static_cast<std::size_t>(comm_.rank()), own);
    listen();
    if (!said_goodbye_ && since_beat_ >= 0.9 * interval_) {
      since_beat_ = 0;
      speak(own);
    }
    judge();
    return seen_ending_ && leave();
  }

  void listen() {
    for (int there = comm_.size() > 1 ? 1 : 0; there != 0;) {
      MPI_Status status;
      mpi::check(MPI_Iprobe(MPI_ANY_SOURCE, beat_tag, handle_, &there, &status),
                 "cannot look for messages");
      if (there != 0) {
        Beat beat;
        mpi::check(MPI_Recv(&beat, sizeof beat, MPI_BYTE, status.MPI_SOURCE, beat_tag, handle_,
                            MPI_STATUS_IGNORE),
                   "cannot receive a message");
        signs_.heard(static_cast<std::size_t>(status.MPI_SOURCE), beat);
      }
    }
  }

  void speak(Beat beat) {
    for (int other = is_root() ? 1 : 0; other < (is_root() ? comm_.size() : 1); ++other) {
      send(other, beat);
    }
  }

  /// False if the message before has not left yet: a rank that is stopped must not hold us.
  bool send(int destination, Beat beat) {
    auto& line = lines_[static_cast<std::size_t>(destination)];
    int sent = 1;
    mpi::check(MPI_Test(&line.request, &sent, MPI_STATUS_IGNORE), "cannot send a message");
    if (sent != 0) {
      line.beat = beat;
      mpi::check(MPI_Isend(&line.beat, sizeof beat, MPI_BYTE, destination, beat_tag, handle_,
                           &line.request),
                 "cannot send a message");
    }
    return sent != 0;
  }

  /// Rank 0 looks at all, the others at rank 0: rank 1 first, lest all of them say the same.
  void judge() {
    if (is_root()) {
      if (auto const found = signs_.suspect(timeout_)) {
        end_job(accusation(*found));
      }
      return;
    }
    auto const patience = timeout_ + (comm_.rank() == 1 ? 0 : last_resort);
    for (std::size_t rank = 1; rank < lines_.size(); ++rank) {
      signs_.heard(rank, {}); // not this rank's to judge
    }
    if (auto const found = signs_.suspect(patience); found && found->silent) {
      end_job(accusation(*found));
    }
  }

  /// Rank 0 leaves last. True once that is done.
  bool leave() {
    if (comm_.size() == 1) {
      return true;
    }
    if (!is_root()) {
      said_goodbye_ = said_goodbye_ || send(0, {0, true});
      return signs_.left(0);
    }
    signs_.heard(0, {0, true});
    if (!signs_.all_left()) {
      return false;
    }
    for (int other = 1; other < comm_.size(); ++other) {
      auto& line = lines_[static_cast<std::size_t>(other)];
      mpi::wait(line.request, "cannot send a message");
      send(other, {0, true});
      mpi::wait(line.request, "cannot send a message");
    }
    return true;
  }

  [[nodiscard]] Error accusation(LifeSigns::Suspect const& suspect) const {
    auto name = "rank " + std::to_string(suspect.rank) + " on " + hosts_[suspect.rank];
    if (suspect.others > 0) {
      name += " (and " + std::to_string(suspect.others) +
              (suspect.others == 1 ? " other rank)" : " other ranks)");
    }
    auto const since = " since " + rounded(suspect.seconds) + " s";
    if (suspect.silent) {
      return run_failure(name + " gives no sign of life" + since,
                         "it is stopped or hung, or its node is gone",
                         "see to that process or node; " + advice());
    }
    return run_failure(name + " makes no progress" + since,
                       "its forward, reading or writing hangs, or takes longer than "
                       "--stall-timeout " +
                           rounded(timeout_),
                       "find out what it waits for, or allow more time; " + advice());
  }

  [[nodiscard]] std::string advice() const {
    auto& activity = *comm_.impl().activity;
    std::lock_guard const lock(activity.mutex);
    return activity.advice;
  }

  [[noreturn]] void end_job(Error const& error) const {
    report_(error);
    comm_.abort(error.code());
  }

  void watch_exit() const {
    auto const patience = std::max(timeout_, shortest_end) + (comm_.is_root() ? 0 : last_resort);
    quiet_thread([patience, report = report_] {
      constexpr double pause = 1;
      auto last = Clock::now();
      for (double waited = 0; waited < patience;) {
        std::this_thread::sleep_for(std::chrono::duration<double>(pause));
        auto const now = Clock::now();
        waited += std::min(seconds_of(now - last), 2 * pause);
        last = now;
      }
      report(run_failure("the job does not end", "a rank did not come to the end of MPI",
                         "look whether the result is there; if not, start the job again"));
      ::_exit(static_cast<int>(ExitCode::failed));
    }).detach();
  }

  Comm comm_;
  double timeout_;
  double interval_; ///< seconds between two beats
  std::function<void(Error const&)> report_;
  std::vector<std::string> hosts_;
  LifeSigns signs_;
  StallClock stall_;
  std::vector<Line> lines_;
  MPI_Comm handle_ = MPI_COMM_NULL;
  Clock::time_point last_ = Clock::now();
  double since_beat_ = 0;
  bool said_goodbye_ = false;
  bool guards_exit_ = false;

  std::mutex mutex_; ///< of `ending_`
  std::condition_variable wake_;
  bool ending_ = false;
  bool seen_ending_ = false; ///< of the thread alone
  std::thread thread_;
};

Monitor::Monitor(Comm const& comm, double stall_timeout, std::function<void(Error const&)> report)
    : impl_(std::make_unique<Impl>(comm, stall_timeout, std::move(report))) {}
Monitor::~Monitor() = default;

void Monitor::guard_exit() {
  impl_->guard_exit();
}

} // namespace fod
