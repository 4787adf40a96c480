#pragma once

#include "fod/error.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fod {

/// Starts MPI for the program's life and ends it. One per process, in main, of programs whose ranks
/// work together: `fod-generate`, or a program of the user's. Nothing else of fod starts MPI.
class MpiSession {
public:
  /// @throws Error (usage) if the tasks of a launcher do not know of each other (no PMI), or if
  ///         the MPI library does not grant the thread level asked for
  MpiSession(int* argc, char*** argv);
  ~MpiSession();
  MpiSession(MpiSession const&) = delete;
  MpiSession& operator=(MpiSession const&) = delete;
};

/// Name and version of the MPI library.
std::string mpi_version();

/// An error that all ranks throw together, so that all can leave in order.
class AgreedError : public Error {
public:
  explicit AgreedError(Error const& error) : Error(error) {}
};

/// An agreed error after which a file that all ranks opened cannot be closed together any more:
/// they leave by `Comm::abort`. What was marked done in the file stays valid.
class UncleanError : public AgreedError {
public:
  explicit UncleanError(Error const& error) : AgreedError(error) {}
};

/// The group of ranks that run a job together.
class Comm {
public:
  /// A duplicate of MPI's world. Collective.
  static Comm world();
  /// A group of one, which works without MPI.
  static Comm alone();

  [[nodiscard]] int rank() const;
  [[nodiscard]] int size() const;
  [[nodiscard]] bool is_root() const { return rank() == 0; }
  /// Rank and number of ranks on this node.
  [[nodiscard]] int local_rank() const;
  [[nodiscard]] int local_size() const;

  /// Waits for all ranks, sleeping instead of spinning. Collective.
  void barrier() const;
  /// `bytes` of rank `root` to all. Collective.
  [[nodiscard]] std::string broadcast(std::string bytes, int root = 0) const;
  /// Every rank's `bytes` on every rank, 2 GiB in all at most. Collective.
  [[nodiscard]] std::vector<std::string> all_gather(std::string const& bytes) const;
  /// Element-wise sums over ranks, modulo 2^64, of any number of values. Collective.
  void all_sum(std::span<std::uint64_t> values) const;
  /// Element-wise largest values over ranks. Collective.
  void all_max(std::span<float> values) const;
  [[nodiscard]] double all_max(double value) const;
  [[nodiscard]] double all_min(double value) const;

  /// Runs `step` here, then agrees: if it threw anywhere, every rank throws the error of the
  /// lowest such rank, named unless all failed. Collective.
  /// @throws AgreedError
  void agree(std::function<void()> const& step) const;
  /// Runs `step` on rank 0 alone; if it threw, every rank throws its error. Collective.
  /// @throws AgreedError
  void on_root(std::function<void()> const& step) const;

  /// Ends the job if a signal has asked any rank to stop (see `catch_stop_signals`). Collective.
  /// @param remedy what is kept and how to go on, for the message
  /// @throws AgreedError (stopped)
  void require_no_stop(std::string const& remedy) const;

  /// What a user is to do if the job is ended from here on for a rank that does not answer.
  void advise(std::string remedy) const;

  /// Ends all ranks at once with this exit code.
  [[noreturn]] void abort(ExitCode code) const;

  struct Impl;
  [[nodiscard]] Impl const& impl() const { return *impl_; }

private:
  explicit Comm(std::shared_ptr<Impl const> impl);
  std::shared_ptr<Impl const> impl_;
};

/// Progress, failures and stop requests between rank 0 and the others, as nonblocking messages:
/// nothing in the loop is collective. From its construction until it has settled, a rank owes
/// progress to a `Monitor`.
class ControlChannel {
public:
  explicit ControlChannel(Comm const& comm);
  ~ControlChannel();
  ControlChannel(ControlChannel const&) = delete;
  ControlChannel& operator=(ControlChannel const&) = delete;

  /// Tells rank 0 how many samples this rank has done and whether a signal asks it to stop, and
  /// hears rank 0's stop request.
  void report(std::int64_t samples_done);
  /// Tells rank 0 that this rank cannot go on.
  void fail(Error const& error);
  /// Tells rank 0 that this rank has no work left.
  void finish(std::int64_t samples_done);

  /// True once a signal or rank 0 has asked this rank to stop, or on rank 0 once any rank failed
  /// or is to stop.
  [[nodiscard]] bool stop_requested() const;
  /// On rank 0: samples done by all ranks, as last heard.
  [[nodiscard]] std::int64_t total_done() const;
  /// Waits, sleeping, until every rank has finished or failed, calling `idle` meanwhile on rank 0.
  /// The first failure, with its rank, on every rank; if there was none, the first stop by a
  /// signal (code `stopped`, without a remedy); else empty.
  [[nodiscard]] std::optional<Error> settle(std::function<void()> const& idle);

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace fod
