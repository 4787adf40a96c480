#pragma once

#include "powers_of_ten.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

/// Inside of the json module: decimal numbers to the nearest double.
///
/// D. Lemire, "Number parsing at a gigabyte per second" (2021), after M. Eisel: the decimal digits
/// are multiplied by 128 bits of the power of ten, and nearly always those decide how to round.
/// What they do not decide is left to `to_double`.
namespace fod::json {

/// The digits that text starts with, eight at most.
struct DigitRun {
  std::uint64_t value = 0;
  unsigned count = 0;
};

/// Looks at eight bytes at once (D. Lemire, "Quickly parsing eight digits", 2022).
inline DigitRun leading_digits(char const* text) {
  std::uint64_t word = 0;
  std::memcpy(&word, text, 8);
  auto const differs = word ^ 0x3030303030303030;
  auto const others = (differs | (differs + 0x0606060606060606)) & 0xf0f0f0f0f0f0f0f0;
  auto const count = others != 0 ? static_cast<unsigned>(std::countr_zero(others)) / 8 : 8U;
  // What is no digit is shifted out, and zeros come in front.
  auto const digits = count != 0 ? differs << (64 - 8 * count) : 0;
  auto const twos = (digits * 10 + (digits >> 8)) & 0x00ff00ff00ff00ff;
  auto const fours = (twos * 100 + (twos >> 16)) & 0x0000ffff0000ffff;
  return {(fours * 10000 + (fours >> 32)) & 0xffffffff, count};
}

inline constexpr std::array<std::uint64_t, 9> small_powers = {
    1, 10, 100, 1000, 10000, 100'000, 1'000'000, 10'000'000, 100'000'000};

/// Appends the digits at `at` to `digits` and goes behind them. More than 19 overflow.
inline void take_digits(char const*& at, std::uint64_t& digits) {
  auto next = leading_digits(at);
  // Steps of eight are predicted, so that all that waits for the bytes is where the digits end.
  for (; next.count == 8; next = leading_digits(at)) {
    digits = digits * 100'000'000 + next.value;
    at += 8;
  }
  digits = digits * small_powers[next.count] + next.value;
  at += next.count;
}

/// digits x 10^power as the nearest double, ties to even; a negative number if it is too near to a
/// tie, or too small or large a number, to be told here.
inline double nearest_double(std::uint64_t digits, int power) {
  if (digits == 0) {
    return 0;
  }
  if (power < least_power || power > 308) {
    return -1;
  }
  auto const shift = static_cast<unsigned>(std::countl_zero(digits));
  auto const scale = power_of_ten(power);
  auto const normal = digits << shift;
  auto product = Wide{normal} * scale.high;
  // 53 bits are kept, and one to round by: all below them set means that a carry might come.
  if ((static_cast<std::uint64_t>(product >> 64) & 0x1ff) == 0x1ff) {
    product += static_cast<std::uint64_t>(Wide{normal} * scale.low >> 64);
    if (static_cast<std::uint64_t>(product) == ~std::uint64_t{0}) {
      return -1;
    }
  }
  auto const high = static_cast<std::uint64_t>(product >> 64);
  auto const top = static_cast<unsigned>(high >> 63);
  auto const kept = high >> (top + 9); // 54 bits
  int const exponent = floor_log2_of_power(power) + 64 - static_cast<int>(shift + 1 - top) + 1023;
  bool const may_be_tie = (kept & 3) == 1 && (kept << (top + 9)) == high &&
                          static_cast<std::uint64_t>(product) <= 1; // and even is below
  if (exponent <= 0 || exponent >= 0x7fe || may_be_tie) {
    return -1;
  }
  auto const rounded = (kept + 1) >> 1; // up to 2^53, which carries into the exponent as it should
  auto const bits = (static_cast<std::uint64_t>(exponent - 1) << 52) + rounded;
  return std::bit_cast<double>(bits);
}

/// What `read_number` found: the number's end, null if no plain number stands there.
struct Number {
  char const* end = nullptr;
  double value = 0;
};

/// @param text a number as it is written in JSON, which is well-formed. What `nearest_double`
/// leaves
double read_rare_number(std::string_view text);

/// Reads a JSON number (NaN and infinities among them) where `text` starts. The bytes up to 16
/// behind any number can be read.
inline Number read_number(char const* text) {
  auto const is_digit = [](char c) { return static_cast<unsigned char>(c - '0') < 10; };
  char const* at = text;
  bool const negative = *at == '-';
  at += negative ? 1 : 0;
  if (!is_digit(*at)) [[unlikely]] {
    if (*at == 'N' && !negative && std::memcmp(at, "NaN", 3) == 0) {
      return {at + 3, read_rare_number("NaN")};
    }
    if (*at == 'I' && std::memcmp(at, "Infinity", 8) == 0) {
      return {at + 8, read_rare_number({text, static_cast<std::size_t>(at + 8 - text)})};
    }
    return {};
  }
  std::uint64_t digits = 0;
  char const* const first = at;
  for (; is_digit(*at); ++at) {
    digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  if (*first == '0' && at - first > 1) {
    return {};
  }
  auto count = at - first; // of digits, zeros in front among them
  int power = 0;
  bool whole = true;
  if (*at == '.') {
    char const* const fraction = ++at;
    take_digits(at, digits);
    if (at == fraction) {
      return {};
    }
    power = -static_cast<int>(at - fraction);
    count += at - fraction;
    whole = false;
  }
  if (*at == 'e' || *at == 'E') {
    ++at;
    bool const down = *at == '-';
    at += *at == '-' || *at == '+' ? 1 : 0;
    if (!is_digit(*at)) {
      return {};
    }
    int exponent = 0;
    for (; is_digit(*at); ++at) {
      exponent = exponent < 10000 ? exponent * 10 + (*at - '0') : exponent;
    }
    power += down ? -exponent : exponent;
    whole = false;
  }
  if (count > 19) { // zeros in front do not count
    auto const* start = first;
    for (; *start == '0' || *start == '.'; ++start) {
      count -= *start == '0' ? 1 : 0;
    }
  }
  auto value = count <= 19 ? nearest_double(digits, power) : -1.0;
  if (value < 0) [[unlikely]] {
    value = read_rare_number({first, static_cast<std::size_t>(at - first)});
  }
  return {at, negative && !(whole && value == 0) ? -value : value};
}

} // namespace fod::json
