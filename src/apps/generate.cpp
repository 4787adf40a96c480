#include "fod/comm.hpp"
#include "fod/config.hpp"
#include "fod/monitor.hpp"
#include "fod/pipeline.hpp"
#include "fod/stop.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <malloc.h>
#include <optional>

namespace {

void print(fod::Error const& error) {
  // In one piece: two threads may have something to say.
  std::cerr << "fod-generate: " + std::string(error.what()) + "\n" << std::flush;
}

int leave(fod::Comm const& comm, fod::ExitCode code) {
  // A launcher kills the others when one leaves with a code that is not 0.
  comm.barrier();
  return static_cast<int>(code);
}

int run(int argc, char** argv, fod::Comm const& comm, std::optional<fod::Monitor>& monitor) {
  fod::Config config;
  std::optional<fod::Answer> answer;
  comm.agree([&] { config = fod::parse_command_line(argc, argv, answer); });
  if (!answer) {
    monitor.emplace(comm, config.stall_timeout, print);
    monitor->guard_exit();
    fod::run_job(config, comm);
  } else if (comm.is_root()) {
    std::cout << answer->text << std::flush;
  }
  return leave(comm, fod::ExitCode::done);
}

/// What a rank does with an error, by who knows of it.
int report(fod::Comm const& comm, std::exception_ptr const& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (fod::UncleanError const& error) {
    if (comm.is_root()) {
      print(error);
    }
    comm.barrier();
    comm.abort(error.code());
  } catch (fod::AgreedError const& error) {
    if (comm.is_root()) {
      print(error);
    }
    return leave(comm, error.code());
  } catch (fod::Error const& error) {
    print(error.within("rank " + std::to_string(comm.rank())));
    comm.abort(error.code());
  } catch (std::exception const& error) {
    print(fod::run_failure("rank " + std::to_string(comm.rank()) + " failed", error.what()));
    comm.abort(fod::ExitCode::failed);
  }
}

/// Layers free megabytes that the next batch asks for again. glibc would give them back to the
/// system each time, to be mapped and cleared anew: half the time of a small transformer.
void keep_freed_memory() {
  constexpr int most_reused = 32 << 20; // that mallopt accepts
  constexpr int most_kept = 512 << 20;
  if (std::getenv("MALLOC_MMAP_THRESHOLD_") == nullptr) {
    mallopt(M_MMAP_THRESHOLD, most_reused);
  }
  if (std::getenv("MALLOC_TRIM_THRESHOLD_") == nullptr) {
    mallopt(M_TRIM_THRESHOLD, most_kept);
  }
}

} // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  // A file that exceeds its limit is an error of the write, not the end of the program.
  std::signal(SIGXFSZ, SIG_IGN);
  // Some cluster file systems cannot lock; our own lock on the output does not need it.
  setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
  // cuBLAS gives the same bits each time only with a workspace of its own.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
  try {
    fod::MpiSession const session(&argc, &argv);
    fod::catch_stop_signals();
    auto const comm = fod::Comm::world();
    std::optional<fod::Monitor> monitor; // to the end of MPI, also after an error
    try {
      return run(argc, argv, comm, monitor);
    } catch (...) {
      return report(comm, std::current_exception());
    }
  } catch (fod::Error const& error) {
    print(error);
    return static_cast<int>(error.code());
  }
}
