#include "fod.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <unistd.h>

namespace fod::app {

namespace {

constexpr std::string_view last_words =
    "fod: crashed (HDF5 does so on some damaged files): restore the file from a backup, or make it "
    "again; if it is whole, this is a defect of fod to report\n";

/// May call what is safe in a signal handler, and nothing else.
extern "C" void end_with_words(int /*signal*/) {
  auto const written = ::write(STDERR_FILENO, last_words.data(), last_words.size());
  static_cast<void>(written);
  ::_exit(static_cast<int>(ExitCode::usage));
}

} // namespace

void tell_of_crashes() {
  static std::array<char, 1 << 16> stack; // the usual one may be what ran out
  stack_t other{};
  other.ss_sp = stack.data();
  other.ss_size = stack.size();
  ::sigaltstack(&other, nullptr);
  struct sigaction action {};
  action.sa_handler = end_with_words;
  action.sa_flags = SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  for (int const signal : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler == SIG_DFL) { // a sanitizer's handler says more
      ::sigaction(signal, &action, nullptr);
    }
  }
}

} // namespace fod::app
