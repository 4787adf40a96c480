#include "fod/monitor.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <thread>

using fod::Comm;

namespace {

constexpr double timeout = 2;

/// A report ends the job, so that the test fails by it.
void fail(fod::Error const& error) {
  FAIL(error.what());
}

void rest(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

} // namespace

TEST_CASE("ranks that are late, but alive, are waited for") {
  auto const comm = Comm::world();
  fod::Monitor const monitor(comm, timeout, fail);
  if (comm.rank() == comm.size() - 1) {
    rest(3000); // as loading does: longer than the timeout, and nothing is owed
  }
  comm.barrier();
  fod::ControlChannel channel(comm);
  for (int batch = 0; batch < 15; ++batch) { // longer in all, each step is shorter
    rest(200);
    channel.report(batch);
  }
  channel.finish(15);
  if (comm.is_root()) {
    rest(3000); // with the verdict in hand, the others wait for it
  }
  CHECK(comm.all_min(channel.settle([] {}).has_value() ? 0 : 1) > 0.5);
}

TEST_CASE("the watch ends as soon as all ranks have come to its end") {
  auto const comm = Comm::world();
  auto const begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    fod::Monitor const monitor(comm, 300, fail);
  }
  std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begin;
  CHECK(comm.all_max(took.count()) < 10); // not 20 beats of 5 seconds
}
