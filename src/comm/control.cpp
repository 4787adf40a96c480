#include "library.hpp"

#include "fod/alive.hpp"
#include "fod/stop.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace fod {

namespace {

using Clock = std::chrono::steady_clock;
/// Between two reports of a rank. Rank 0 hears at most some thousand a second, however many they
/// are.
std::chrono::milliseconds report_interval(int ranks) {
  return std::chrono::milliseconds(std::max(100, ranks));
}

constexpr int report_tag = 1;  // any rank to rank 0
constexpr int command_tag = 2; // rank 0 to any rank

enum class State : std::int64_t { running, finished, failed };

/// What a rank last said. A failure's text follows these bytes in the message.
struct Report {
  std::int64_t done = 0;
  State state = State::running;
  std::int64_t signal = 0; ///< that asks the rank to stop; 0: none
};

// A command is one letter, then the failure that ended the job, if any.
constexpr char stop_command = 's';
constexpr char verdict_command = 'v';

} // namespace

struct ControlChannel::Impl {
  explicit Impl(Comm const& comm)
      : ranks(comm.size() > 1 ? comm.impl().handle : MPI_COMM_NULL, comm.rank(), comm.size()),
        activity(comm.impl().activity), reports(static_cast<std::size_t>(comm.size())) {
    note_progress();
    activity->owed = true;
  }
  Impl(Impl const&) = delete;
  Impl& operator=(Impl const&) = delete;
  ~Impl() { activity->owed = false; }

  struct Ranks {
    Ranks(MPI_Comm parent, int own_rank, int count) : rank(own_rank), size(count) {
      if (parent != MPI_COMM_NULL) {
        mpi::check(MPI_Comm_dup(parent, &handle), "cannot duplicate the communicator");
      }
    }
    Ranks(Ranks const&) = delete;
    Ranks& operator=(Ranks const&) = delete;
    ~Ranks() {
      if (handle != MPI_COMM_NULL) {
        MPI_Comm_free(&handle);
      }
    }
    MPI_Comm handle = MPI_COMM_NULL;
    int rank;
    int size;
  };

  /// Starts sending, once the message before has left.
  void send(int destination, int tag, std::string bytes) {
    mpi::wait(outgoing, "cannot send a message");
    outgoing_bytes = std::move(bytes);
    mpi::check(MPI_Isend(outgoing_bytes.data(), static_cast<int>(outgoing_bytes.size()), MPI_BYTE,
                         destination, tag, ranks.handle, &outgoing),
               "cannot send a message");
  }

  /// The next message with this tag, if one has come.
  std::optional<std::pair<int, std::string>> receive(int tag) const {
    int there = 0;
    MPI_Status status;
    mpi::check(MPI_Iprobe(MPI_ANY_SOURCE, tag, ranks.handle, &there, &status),
               "cannot look for messages");
    if (there == 0) {
      return std::nullopt;
    }
    int length = 0;
    MPI_Get_count(&status, MPI_BYTE, &length);
    std::string bytes(static_cast<std::size_t>(length), '\0');
    mpi::check(MPI_Recv(bytes.data(), length, MPI_BYTE, status.MPI_SOURCE, tag, ranks.handle,
                        MPI_STATUS_IGNORE),
               "cannot receive a message");
    return std::pair(status.MPI_SOURCE, std::move(bytes));
  }

  void record(int source, Report report, std::string const& text) {
    auto& last = reports[static_cast<std::size_t>(source)];
    total += report.done - last.done;
    last = report;
    if (report.state == State::failed && failure.empty()) {
      failure = text;
      failed_rank = source;
    }
    if (report.signal != 0 && signalled_rank < 0) {
      signalled_rank = source;
    }
    if (!failure.empty() || signalled_rank >= 0) {
      stop_all();
    }
  }

  void stop_all() {
    if (told_all) {
      return;
    }
    told_all = true;
    stop = true;
    for (int other = 1; other < ranks.size; ++other) {
      send(other, command_tag, {stop_command});
    }
  }

  /// This rank's own report: recorded on rank 0, sent there by the others.
  void tell(std::string const& text = {}) {
    if (ranks.rank == 0) {
      record(0, own, text);
    } else {
      send(0, report_tag, std::string(reinterpret_cast<char const*>(&own), sizeof own) + text);
    }
  }

  /// Tells of a signal that has come here, once.
  void look_for_signal() {
    if (own.signal == 0 && stop_signal() != 0) {
      own.signal = stop_signal();
      stop = true;
      tell();
    }
  }

  /// Takes in what has come: reports on rank 0, a stop request elsewhere.
  void listen() {
    if (ranks.size == 1) {
      return;
    }
    if (ranks.rank != 0) {
      if (auto const message = receive(command_tag)) {
        stop = true;
      }
      return;
    }
    while (auto const message = receive(report_tag)) {
      Report report;
      std::copy_n(message->second.data(), sizeof report, reinterpret_cast<char*>(&report));
      record(message->first, report, message->second.substr(sizeof report));
    }
  }

  [[nodiscard]] bool all_ended() const {
    return std::all_of(reports.begin(), reports.end(),
                       [](Report const& report) { return report.state != State::running; });
  }

  [[nodiscard]] std::string await_verdict() {
    mpi::Backoff backoff;
    for (;;) {
      look_for_signal();
      if (auto const message = receive(command_tag)) {
        if (message->second[0] == verdict_command) {
          return message->second.substr(1);
        }
        continue;
      }
      backoff.pause();
    }
  }

  /// What the job ends with, encoded; empty if all is well. On rank 0.
  [[nodiscard]] std::string verdict() const {
    if (!failure.empty()) {
      auto const error = decode(failure);
      return encode(ranks.size == 1 ? error : error.within("rank " + std::to_string(failed_rank)));
    }
    if (signalled_rank >= 0) {
      auto const signal = reports[static_cast<std::size_t>(signalled_rank)].signal;
      return encode(stopped_by(static_cast<int>(signal), signalled_rank, ranks.size));
    }
    return {};
  }

  Ranks ranks;
  std::shared_ptr<Activity> activity;
  Report own;
  std::vector<Report> reports; // of all ranks, on rank 0
  std::int64_t total = 0;      // samples done in these
  std::string failure;         // encoded, the first one, on rank 0
  int failed_rank = -1;
  int signalled_rank = -1; // the first that a signal asks to stop, on rank 0
  bool told_all = false;   // to stop, on rank 0
  bool stop = false;
  Clock::time_point last_report = Clock::now();
  MPI_Request outgoing = MPI_REQUEST_NULL;
  std::string outgoing_bytes;
};

ControlChannel::ControlChannel(Comm const& comm) : impl_(std::make_unique<Impl>(comm)) {}
ControlChannel::~ControlChannel() = default;

void ControlChannel::report(std::int64_t samples_done) {
  note_progress();
  impl_->own.done = samples_done;
  impl_->look_for_signal();
  auto const now = Clock::now();
  if (now - impl_->last_report >= report_interval(impl_->ranks.size)) {
    impl_->last_report = now;
    catch_stop_signals(); // foreign code may have put its own handlers in place
    impl_->tell();
  }
  impl_->listen();
}

void ControlChannel::fail(Error const& error) {
  impl_->activity->owed = false;
  impl_->own.state = State::failed;
  impl_->tell(encode(error));
}

void ControlChannel::finish(std::int64_t samples_done) {
  impl_->activity->owed = false;
  impl_->own.done = samples_done;
  impl_->own.state = State::finished;
  impl_->tell();
}

bool ControlChannel::stop_requested() const {
  return impl_->stop;
}

std::int64_t ControlChannel::total_done() const {
  return impl_->total;
}

std::optional<Error> ControlChannel::settle(std::function<void()> const& idle) {
  auto& impl = *impl_;
  std::string verdict;
  if (impl.ranks.rank == 0) {
    mpi::Backoff backoff;
    for (impl.listen(); !impl.all_ended(); impl.listen()) {
      impl.look_for_signal();
      idle();
      backoff.pause();
    }
    verdict = impl.verdict();
    for (int other = 1; other < impl.ranks.size; ++other) {
      impl.send(other, command_tag, verdict_command + verdict);
    }
  } else {
    verdict = impl.await_verdict();
  }
  if (impl.ranks.size > 1) {
    mpi::wait(impl.outgoing, "cannot send a message");
  }
  return verdict.empty() ? std::nullopt : std::optional(decode(verdict));
}

} // namespace fod
