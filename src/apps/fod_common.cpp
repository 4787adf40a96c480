#include "fod.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <sched.h>

namespace fod::app {

void print(std::string const& text) {
  bool const taken = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!taken || std::fflush(stdout) != 0) {
    throw run_failure("cannot write to standard output", errno_text());
  }
}

void add_threads(CLI::App& flags, int& threads) {
  flags
      .add_option(
          "--threads", threads,
          "Threads that convert, beside one that reads and writes; the default is one per core")
      ->check(CLI::Range(1, 1024));
}

int threads_or_cores(int given) {
  constexpr int most = 64; // beyond it, threads wait for their turn to read and to write
  cpu_set_t cores;
  bool const known = ::sched_getaffinity(0, sizeof cores, &cores) == 0;
  return given > 0 ? given : std::clamp(known ? CPU_COUNT(&cores) : 1, 1, most);
}

} // namespace fod::app
