#include "fod/text.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace fod {

std::string joined(std::vector<std::string> const& texts) {
  std::string all;
  for (auto const& text : texts) {
    all += (all.empty() ? "" : ", ") + text;
  }
  return all;
}

std::string grouped(std::int64_t number) {
  auto text = std::to_string(number);
  auto const sign = static_cast<std::ptrdiff_t>(number < 0);
  for (auto at = std::ssize(text) - 3; at > sign; at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return text;
}

std::string counted(std::int64_t number, std::string_view noun) {
  bool const ends_in_s = noun.ends_with("s");
  return grouped(number) + " " + std::string(noun) + (number == 1 ? "" : ends_in_s ? "es" : "s");
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
