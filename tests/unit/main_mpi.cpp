#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "fod/comm.hpp"

/// The same binary at any number of ranks. A verdict is reduced over the ranks before it is
/// asserted, and the order of tests is pinned by the caller.
int main(int argc, char** argv) {
  fod::MpiSession const session(&argc, &argv);
  int const failed = Catch::Session().run(argc, argv);
  auto const comm = fod::Comm::world();
  return comm.all_max(failed) > 0 ? 1 : 0;
}
