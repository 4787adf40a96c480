#pragma once

#include "fod/comm.hpp"

#include <mpi.h>

#include <atomic>
#include <mutex>
#include <string>

/// Inside of the comm module, and for those that hand MPI's own handle to a library (store).
namespace fod {

/// What a rank's main thread tells the thread that watches it.
struct Activity {
  std::atomic<bool> owed{false}; ///< progress is owed: the rank is at work by itself
  std::mutex mutex;              ///< of what follows
  std::string advice = "start the job again";
};

/// Ranks, and MPI's handle where there is MPI.
struct Comm::Impl {
  MPI_Comm handle = MPI_COMM_NULL;
  int rank = 0;
  int size = 1;
  int local_rank = 0;
  int local_size = 1;
  std::shared_ptr<Activity> activity = std::make_shared<Activity>();

  Impl() = default;
  explicit Impl(MPI_Comm parent);
  Impl(Impl const&) = delete;
  Impl& operator=(Impl const&) = delete;
  ~Impl();
};

namespace mpi {

/// @throws Error (failed) with MPI's own text
void check(int status, std::string const& what);

/// Completes a request by testing and sleeping: a blocking wait would spin on a core that other
/// ranks may need.
void wait(MPI_Request& request, std::string const& what);

/// Sleeps a little longer at each call, from 20 microseconds to 2 milliseconds.
class Backoff {
public:
  void pause();

private:
  int microseconds_ = 20;
};

} // namespace mpi

/// That a signal stopped the job, without a remedy.
Error stopped_by(int signal, int rank, int ranks);

/// An error as one string of bytes, and back.
std::string encode(Error const& error);
Error decode(std::string const& bytes);

} // namespace fod
