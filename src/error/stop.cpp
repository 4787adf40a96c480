#include "fod/stop.hpp"

#include "fod/error.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <unistd.h>

namespace fod {

namespace {

constexpr std::array<int, 3> stop_signals{SIGTERM, SIGINT, SIGUSR1};
constexpr std::int64_t same_request_ms = 500;
constexpr int number_bits = 8; // of a signal's number

// What the handler knows. The request is one word, so that two threads cannot tear it: milliseconds
// above the signal's number; 0: none.
std::atomic<std::int64_t> request{0};
std::atomic<pid_t> owner{0};
std::atomic<bool> interrupt_ignored{false};
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

std::int64_t milliseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

int signal_of(std::int64_t word) {
  return static_cast<int>(word & ((1 << number_bits) - 1));
}

/// Calls async-signal-safe functions alone.
void on_stop_signal(int signal) {
  int const saved = errno;
  if (::getpid() != owner) { // forked by foreign code, such as a pool of workers
    ::signal(signal, SIG_DFL);
    ::raise(signal); // comes when this handler returns
  } else {
    auto const now = milliseconds();
    std::int64_t before = 0;
    if (!request.compare_exchange_strong(before, (now << number_bits) | signal) &&
        (signal_of(before) != signal || now - (before >> number_bits) > same_request_ms)) {
      ::_exit(static_cast<int>(ExitCode::stopped));
    }
  }
  errno = saved;
}

void put_in_place(int signal) {
  struct sigaction current {};
  ::sigaction(signal, nullptr, &current);
  if (current.sa_handler == on_stop_signal || (signal == SIGINT && interrupt_ignored)) {
    return;
  }
  struct sigaction ours {};
  ours.sa_handler = on_stop_signal;
  ours.sa_flags = SA_RESTART;
  ::sigemptyset(&ours.sa_mask);
  ::sigaction(signal, &ours, nullptr);
}

} // namespace

void catch_stop_signals() {
  if (owner == 0) {
    struct sigaction interrupt {};
    ::sigaction(SIGINT, nullptr, &interrupt);
    interrupt_ignored = interrupt.sa_handler == SIG_IGN;
  }
  owner = ::getpid();
  for (int const signal : stop_signals) {
    put_in_place(signal);
  }
}

int stop_signal() {
  return signal_of(request);
}

std::string signal_name(int signal) {
  switch (signal) {
  case SIGTERM:
    return "SIGTERM";
  case SIGINT:
    return "SIGINT";
  case SIGUSR1:
    return "SIGUSR1";
  default:
    return "signal " + std::to_string(signal);
  }
}

} // namespace fod
