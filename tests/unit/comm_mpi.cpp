#include "fod/comm.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>

using fod::Comm;

namespace {

/// A verdict of all ranks, so that they pass or fail together.
bool everywhere(Comm const& comm, bool verdict) {
  return comm.all_min(verdict ? 1 : 0) > 0.5;
}

} // namespace

TEST_CASE("collectives") {
  auto const comm = Comm::world();
  auto const rank = std::to_string(comm.rank());
  CHECK(everywhere(comm, comm.broadcast("from " + rank) == "from 0"));
  auto const last = comm.size() - 1;
  CHECK(everywhere(comm, comm.broadcast("from " + rank, last) == "from " + std::to_string(last)));
  auto const all = comm.all_gather(std::string(static_cast<std::size_t>(comm.rank()), 'x'));
  bool right = std::ssize(all) == comm.size();
  for (int r = 0; right && r < comm.size(); ++r) {
    right = all[static_cast<std::size_t>(r)].size() == static_cast<std::size_t>(r);
  }
  CHECK(everywhere(comm, right));
  std::vector<std::uint64_t> sums{static_cast<std::uint64_t>(comm.rank()), ~std::uint64_t{0}};
  comm.all_sum(sums);
  auto const size = static_cast<std::uint64_t>(comm.size());
  CHECK(everywhere(comm, sums[0] == size * (size - 1) / 2));
  CHECK(everywhere(comm, sums[1] == 0 - size)); // modulo 2^64
  CHECK(everywhere(comm, comm.all_max(comm.rank()) == comm.size() - 1));
  CHECK(everywhere(comm, comm.local_size() == comm.size()));
  comm.barrier();
}

TEST_CASE("an error anywhere is thrown everywhere, with the rank if it was not all") {
  auto const comm = Comm::world();
  auto const message_of = [&](auto const& step) {
    try {
      comm.agree(step);
    } catch (fod::AgreedError const& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(everywhere(comm, message_of([] {}).empty()));
  CHECK(everywhere(comm, message_of([] { throw fod::bad_input("bad", "why", "do"); }) ==
                             "bad (why): do"));
  auto const last = comm.size() - 1;
  auto const one = message_of([&] {
    if (comm.rank() == last) {
      throw std::runtime_error("broken");
    }
  });
  auto const expected = comm.size() == 1 ? std::string("broken")
                                         : "rank " + std::to_string(last) + " of " +
                                               std::to_string(comm.size()) + ": broken";
  CHECK(everywhere(comm, one == expected));
  bool thrown = false;
  try {
    comm.on_root([] { throw fod::run_failure("root failed"); });
  } catch (fod::AgreedError const& error) {
    thrown = std::string(error.what()) == "root failed" && error.code() == fod::ExitCode::failed;
  }
  CHECK(everywhere(comm, thrown));
}

TEST_CASE("the control channel ends when all have finished") {
  auto const comm = Comm::world();
  fod::ControlChannel channel(comm);
  channel.report(1);
  channel.finish(10 + comm.rank());
  auto const failure = channel.settle([] {});
  CHECK(everywhere(comm, !failure.has_value()));
  auto const size = comm.size();
  CHECK(everywhere(comm,
                   !comm.is_root() || channel.total_done() == 10 * size + size * (size - 1) / 2));
}

TEST_CASE("the failure of one rank stops the others and reaches all") {
  auto const comm = Comm::world();
  fod::ControlChannel channel(comm);
  auto const failing = comm.size() - 1;
  if (comm.rank() == failing) {
    channel.fail(fod::run_failure("sample 7", "why", "do"));
  } else {
    while (!channel.stop_requested()) { // a loop that only the failure ends
      channel.report(1);
    }
    channel.finish(1);
  }
  auto const failure = channel.settle([] {});
  CHECK(everywhere(comm, failure.has_value()));
  auto const expected = comm.size() == 1
                            ? std::string("sample 7 (why): do")
                            : "rank " + std::to_string(failing) + ": sample 7 (why): do";
  CHECK(everywhere(comm, failure->what() == expected));
  CHECK(everywhere(comm, failure->code() == fod::ExitCode::failed));
}
