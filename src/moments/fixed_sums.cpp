#include "fod/moments.hpp"

#include <algorithm>
#include <cmath>

namespace fod {

namespace {

constexpr std::int64_t digit_mask = (std::int64_t{1} << limb_bits) - 1;

/// Moves what is above the digit of `low` into `high`.
void carry(std::int64_t& low, std::int64_t& high) {
  high += low >> limb_bits; // rounds down, so that the digit is not negative
  low &= digit_mask;
}

bool fits(std::int64_t low) {
  return -limb_room < low && low < limb_room;
}

/// True if the entry is below 2^62 in magnitude.
bool fits(std::int64_t low, std::int64_t high) {
  carry(low, high);
  constexpr std::int64_t room = limb_room >> limb_bits;
  return (-room < high && high < room) || (high == -room && low > 0);
}

} // namespace

long double FixedSums::value(std::size_t i, int bits) const {
  auto units = static_cast<long double>(low[i]);
  if (!high.empty()) {
    units += std::ldexp(static_cast<long double>(high[i]), limb_bits);
  }
  return std::ldexp(units, -bits);
}

void FixedSums::widen() {
  high.resize(low.size(), 0);
}

void FixedSums::canonicalise() {
  if (high.empty()) {
    return;
  }
  bool narrow = true;
  for (std::size_t i = 0; narrow && i < low.size(); ++i) {
    narrow = fits(low[i], high[i]);
  }
  for (std::size_t i = 0; i < low.size(); ++i) {
    if (narrow) {
      low[i] += high[i] * (digit_mask + 1);
    } else {
      carry(low[i], high[i]);
    }
  }
  if (narrow) {
    high = {};
  }
}

void FixedSums::add(FixedSums const& other) {
  if (!other.high.empty()) {
    widen();
  }
  bool overflown = false;
  for (std::size_t i = 0; i < low.size(); ++i) {
    low[i] += other.low[i]; // each below 2^62
    overflown = overflown || !fits(low[i]);
  }
  for (std::size_t i = 0; i < other.high.size(); ++i) {
    high[i] += other.high[i];
  }
  if (overflown) {
    spread();
  }
}

void FixedSums::add(std::size_t i, double units, double limit) {
  auto const whole = std::nearbyint(units);
  if (std::abs(whole) < limit) {
    low[i] += static_cast<std::int64_t>(whole);
    return;
  }
  widen();
  auto const digits = split(whole);
  low[i] += digits.low;
  high[i] += digits.high;
}

void FixedSums::spread() {
  widen();
  for (std::size_t i = 0; i < low.size(); ++i) {
    carry(low[i], high[i]);
  }
}

} // namespace fod
