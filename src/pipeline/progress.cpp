#include "progress.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <unistd.h>

namespace fod {

namespace {
constexpr auto terminal_interval = std::chrono::milliseconds(200);
constexpr auto log_interval = std::chrono::seconds(30);
} // namespace

Progress::Progress(std::int64_t total, std::optional<bool> wanted)
    : total_(total), terminal_(isatty(STDERR_FILENO) == 1), enabled_(wanted.value_or(true)) {}

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
  std::cerr << (terminal_ ? "\r\x1b[K" : "") << "fod-generate: " << grouped(done) << "/"
            << grouped(total_) << " (" << percent << " %), " << grouped(std::llround(rate))
            << " samples/s, " << left << " left" << (terminal_ ? "" : "\n") << std::flush;
}

std::string grouped(std::int64_t number) {
  auto text = std::to_string(number);
  auto const sign = static_cast<std::ptrdiff_t>(number < 0);
  for (auto at = std::ssize(text) - 3; at > sign; at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return text;
}

std::string duration(double seconds) {
  auto const whole = std::llround(seconds);
  if (whole < 60) {
    return std::to_string(whole) + " s";
  }
  if (whole < 3600) {
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  }
  return std::to_string(whole / 3600) + " h " + std::to_string(whole / 60 % 60) + " min";
}

std::string byte_size(std::int64_t bytes) {
  constexpr std::array<char const*, 5> units{"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text.data();
}

} // namespace fod
