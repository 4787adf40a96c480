#include "fod/progress.hpp"

#include "fod/text.hpp"

#include <cmath>
#include <iostream>
#include <unistd.h>
#include <utility>

namespace fod {

namespace {
constexpr auto terminal_interval = std::chrono::milliseconds(200);
constexpr auto log_interval = std::chrono::seconds(30);
} // namespace

Progress::Progress(std::string program, std::int64_t total, std::optional<bool> wanted,
                   std::string unit)
    : program_(std::move(program)), total_(total), unit_(std::move(unit)),
      terminal_(isatty(STDERR_FILENO) == 1), enabled_(wanted.value_or(true)) {}

void Progress::show(std::int64_t done) {
  auto const now = Clock::now();
  bool const due = terminal_ ? now - last_ >= terminal_interval : now - last_ >= log_interval;
  if (enabled_ && due) {
    last_ = now;
    print(done);
    printed_ = true;
  }
}

void Progress::end(std::int64_t done) {
  if (printed_ && terminal_) {
    print(done);
    std::cerr << std::endl;
  }
}

void Progress::print(std::int64_t done) const {
  auto const seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  auto const rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  auto const left = rate > 0 ? duration(static_cast<double>(total_ - done) / rate) : "unknown";
  auto const percent = total_ > 0 ? 100 * done / total_ : 100;
  std::cerr << (terminal_ ? "\r\x1b[K" : "") << program_ << ": " << grouped(done) << "/"
            << grouped(total_) << " (" << percent << " %), " << grouped(std::llround(rate)) << " "
            << unit_ << "/s, " << left << " left" << (terminal_ ? "" : "\n") << std::flush;
}

} // namespace fod
