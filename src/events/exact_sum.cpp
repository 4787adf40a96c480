#include "exact_sum.hpp"

#include <bit>
#include <cmath>

namespace fod::events {

namespace {

constexpr int digit_bits = 32;
constexpr std::uint64_t digit_mask = 0xffffffffU;
// A term adds less than 2^33 to a digit, which has room for 2^63.
constexpr std::int64_t most_pending = std::int64_t{1} << 29;

} // namespace

void ExactSum::add(double value) {
  auto const bits = std::bit_cast<std::uint64_t>(value);
  auto const exponent = static_cast<int>(bits >> 52 & 0x7ffU);
  auto mantissa = bits & ((std::uint64_t{1} << 52) - 1);
  mantissa |= exponent == 0 ? 0 : std::uint64_t{1} << 52; // value = mantissa * 2^(exponent - 1075)
  auto const place = static_cast<unsigned>((exponent == 0 ? 1 : exponent) - 1075 - lowest);
  auto const shift = place % digit_bits;
  auto const low = (mantissa & digit_mask) << shift;
  auto const high = (mantissa >> digit_bits) << shift;
  auto const sign = (bits >> 63) != 0 ? std::int64_t{-1} : std::int64_t{1};
  auto* const digit = digits_.data() + place / digit_bits;
  digit[0] += sign * static_cast<std::int64_t>(low & digit_mask);
  digit[1] += sign * static_cast<std::int64_t>((low >> digit_bits) + (high & digit_mask));
  digit[2] += sign * static_cast<std::int64_t>(high >> digit_bits);
  if (++pending_ >= most_pending) {
    canonicalise();
  }
}

void ExactSum::add(ExactSum const& other) {
  auto terms = other;
  terms.canonicalise();
  canonicalise();
  for (std::size_t i = 0; i < digits; ++i) {
    digits_[i] += terms.digits_[i];
  }
  canonicalise();
}

void ExactSum::subtract(ExactSum const& other) {
  auto terms = other;
  terms.canonicalise();
  for (auto& digit : terms.digits_) {
    digit = -digit;
  }
  add(terms);
}

void ExactSum::canonicalise() {
  std::int64_t carry = 0;
  for (std::size_t i = 0; i + 1 < digits; ++i) {
    auto const digit = digits_[i] + carry;
    carry = digit >> digit_bits; // rounds down
    digits_[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(digit) & digit_mask);
  }
  digits_.back() += carry;
  pending_ = 0;
}

long double ExactSum::value() const {
  auto magnitude = *this;
  magnitude.canonicalise();
  bool const negative = magnitude.digits_.back() < 0;
  if (negative) { // the digits of -x, so that none is added to what it cancels
    for (auto& digit : magnitude.digits_) {
      digit = -digit;
    }
    magnitude.canonicalise();
  }
  long double sum = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    sum += std::ldexp(static_cast<long double>(magnitude.digits_[i]),
                      lowest + digit_bits * static_cast<int>(i));
  }
  return negative ? -sum : sum;
}

} // namespace fod::events
