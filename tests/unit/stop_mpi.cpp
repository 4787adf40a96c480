// The last file in order: a signal that has come stays.
#include "fod/comm.hpp"
#include "fod/stop.hpp"

#include <catch2/catch.hpp>

#include <csignal>

using fod::Comm;

namespace {

bool everywhere(Comm const& comm, bool verdict) {
  return comm.all_min(verdict ? 1 : 0) > 0.5;
}

} // namespace

TEST_CASE("a signal to one rank stops all, and all learn which") {
  auto const comm = Comm::world();
  comm.require_no_stop("nothing"); // which puts the handlers in place; nothing came yet
  auto const signalled = comm.size() - 1;
  auto const why =
      comm.size() == 1 ? std::string() : " (rank " + std::to_string(signalled) + " received it)";
  fod::ControlChannel channel(comm);
  if (comm.rank() == signalled) {
    ::raise(SIGUSR1);
  }
  std::int64_t batches = 0;
  while (!channel.stop_requested()) { // a loop that only the signal ends
    channel.report(++batches);
  }
  channel.finish(batches);
  auto const verdict = channel.settle([] {});
  CHECK(everywhere(comm, verdict.has_value()));
  CHECK(everywhere(comm, verdict->code() == fod::ExitCode::stopped));
  CHECK(everywhere(comm, verdict->what() == "stopped by SIGUSR1" + why));
  CHECK(everywhere(comm, comm.rank() != signalled || batches == 1));

  std::string thrown;
  try {
    comm.require_no_stop("go on");
  } catch (fod::AgreedError const& error) {
    thrown = error.code() == fod::ExitCode::stopped ? error.what() : "another code";
  }
  CHECK(everywhere(comm, thrown == "stopped by SIGUSR1" + why + ": go on"));
}

TEST_CASE("a failure tells more than the signal that came with it") {
  auto const comm = Comm::world(); // the last rank has the signal still
  fod::ControlChannel channel(comm);
  if (comm.is_root()) {
    channel.fail(fod::run_failure("sample 7"));
  } else {
    channel.finish(1);
  }
  auto const verdict = channel.settle([] {});
  CHECK(everywhere(comm, verdict.has_value()));
  CHECK(everywhere(comm, verdict->code() == fod::ExitCode::failed));
}
