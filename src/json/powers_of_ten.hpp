#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

/// Inside of the json module: the powers of ten that printing and reading numbers multiply by.
namespace fod::json {

__extension__ using Wide = unsigned __int128;

/// 128 leading bits of a power of ten, cut off (not rounded); the highest one is set.
struct Power {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

inline constexpr int least_power = -342;  ///< below it every number of 19 digits is zero
inline constexpr int largest_power = 324; ///< the least double is scaled by it

/// floor(log2(10^e)), exact for |e| <= 1233: 1741647 / 2^19 is log2(10) to 7 digits.
constexpr int floor_log2_of_power(int e) {
  return (e * 1741647) >> 19;
}

namespace detail {

/// An unsigned number of 1,024 bits, least word first.
using Big = std::array<std::uint64_t, 16>;

constexpr Power leading_bits(Big const& big) {
  std::size_t top = big.size() - 1;
  while (big[top] == 0) {
    --top;
  }
  auto const word = [&](std::size_t below) { return top >= below ? big[top - below] : 0; };
  auto const shift = static_cast<unsigned>(std::countl_zero(big[top]));
  if (shift == 0) {
    return {word(0), word(1)};
  }
  return {word(0) << shift | word(1) >> (64 - shift), word(1) << shift | word(2) >> (64 - shift)};
}

/// 10^e and 5^e have the same leading bits. Those of 5^-n are floor(2^1023 / 5^n)'s, and dividing
/// by 5 time and again, always rounding down, gives just that.
constexpr auto make_powers() {
  std::array<Power, largest_power - least_power + 1> powers{};
  Big big{1};
  for (int e = 0; e <= largest_power; ++e) {
    powers[static_cast<std::size_t>(e - least_power)] = leading_bits(big);
    Wide carry = 0;
    for (auto& word : big) {
      carry += Wide{word} * 5;
      word = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
  }
  big = {};
  big.back() = std::uint64_t{1} << 63;
  for (int e = -1; e >= least_power; --e) {
    Wide rest = 0;
    for (std::size_t i = big.size(); i-- > 0;) {
      rest = rest << 64 | big[i];
      big[i] = static_cast<std::uint64_t>(rest / 5);
      rest %= 5;
    }
    powers[static_cast<std::size_t>(e - least_power)] = leading_bits(big);
  }
  return powers;
}

inline constexpr auto powers = make_powers();

} // namespace detail

/// @param e from `least_power` to `largest_power`
constexpr Power power_of_ten(int e) {
  return detail::powers[static_cast<std::size_t>(e - least_power)];
}

} // namespace fod::json
