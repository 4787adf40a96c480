#include "fod/stop.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <functional>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int own_end = 77;

/// How a child ended that caught the signals and then did something: its exit code, or -signal.
int end_of(std::function<void()> const& steps) {
  auto const child = ::fork();
  if (child == 0) {
    fod::catch_stop_signals();
    steps();
    ::_exit(own_end);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Ends a child in which something is not as it should be.
void require(bool verdict) {
  if (!verdict) {
    ::_exit(1);
  }
}

void wait_past_the_same_request() {
  ::usleep(600'000);
}

} // namespace

TEST_CASE("the first signal is noted, whichever of the three it is") {
  for (int const signal : {SIGTERM, SIGINT, SIGUSR1}) {
    CHECK(end_of([signal] {
            require(fod::stop_signal() == 0);
            ::raise(signal);
            require(fod::stop_signal() == signal);
          }) == own_end);
  }
  CHECK(fod::stop_signal() == 0); // here nothing came
}

TEST_CASE("a second signal ends the process at once") {
  CHECK(end_of([] {
          ::raise(SIGTERM);
          ::raise(SIGINT);
        }) == 3);
  CHECK(end_of([] {
          ::raise(SIGUSR1);
          wait_past_the_same_request();
          ::raise(SIGUSR1);
        }) == 3);
}

TEST_CASE("the same signal come by two ways is one request") {
  CHECK(end_of([] {
          ::raise(SIGUSR1);
          ::raise(SIGUSR1);
        }) == own_end);
}

TEST_CASE("forked children die of the signals as ever") {
  CHECK(end_of([] {
          auto const child = ::fork();
          if (child == 0) {
            ::raise(SIGTERM);
            ::_exit(0);
          }
          int status = 0;
          ::waitpid(child, &status, 0);
          require(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
          require(fod::stop_signal() == 0);
        }) == own_end);
}

TEST_CASE("handlers that foreign code replaced come back, an ignored SIGINT stays ignored") {
  CHECK(end_of([] {
          std::signal(SIGTERM, SIG_DFL);
          fod::catch_stop_signals();
          ::raise(SIGTERM);
          require(fod::stop_signal() == SIGTERM);
        }) == own_end);
  auto const before = std::signal(SIGINT, SIG_IGN);
  CHECK(end_of([] {
          ::raise(SIGINT);
          require(fod::stop_signal() == 0);
        }) == own_end);
  std::signal(SIGINT, before);
}

TEST_CASE("signals have names") {
  CHECK(fod::signal_name(SIGTERM) == "SIGTERM");
  CHECK(fod::signal_name(SIGINT) == "SIGINT");
  CHECK(fod::signal_name(SIGUSR1) == "SIGUSR1");
  CHECK(fod::signal_name(SIGHUP) == "signal 1");
}
