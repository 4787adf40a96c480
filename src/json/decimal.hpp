#pragma once

#include "powers_of_ten.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

/// Inside of the json module: the shortest decimal digits that round-trip.
///
/// The method is Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2020/2022). A
/// float c 2^q is scaled by the power of ten that makes its neighbours 1 to 10 apart, so that the
/// numbers which round to it hold at most one multiple of ten, the shortest if it is there, and at
/// least one whole number. As in V. Zverovich's żmij (2025) one product decides nearly always: its
/// fraction tells on which side of each bound the candidates lie, unless they are nearer to it than
/// the product's error, and then the three exact comparisons of Schubfach decide.
namespace fod::json {

/// digits x 10^exponent
struct Decimal {
  std::uint64_t digits = 0;
  int exponent = 0;
};

/// What a float type is made of.
template <class Float>
struct FloatBits {
  static constexpr bool wide = sizeof(Float) == 8;
  using Bits = std::conditional_t<wide, std::uint64_t, std::uint32_t>;
  static constexpr int mantissa_bits = wide ? 52 : 23;
  static constexpr int least_exponent = wide ? -1074 : -149; ///< of the last bit
  static constexpr unsigned special = wide ? 0x7ff : 0xff;   ///< exponent of NaN and infinities
  static constexpr Bits implicit = Bits{1} << mantissa_bits;

  explicit FloatBits(Float value) : bits(std::bit_cast<Bits>(value)) {}
  [[nodiscard]] bool negative() const { return bits >> (sizeof(Float) * 8 - 1) != 0; }
  [[nodiscard]] Bits mantissa() const { return bits & (implicit - 1); }
  [[nodiscard]] unsigned exponent() const {
    return static_cast<unsigned>(bits >> mantissa_bits) & special;
  }
  Bits bits;
};

/// floor(log10(2^q)), and floor(log10(3/4 2^q)); exact for |q| <= 1650.
constexpr int floor_log10_of_two(int q) {
  return (q * 315653) >> 20;
}
constexpr int floor_log10_of_three_quarters(int q) {
  return (q * 315653 - 131072) >> 20;
}

/// As many leading bits of 10^-k as Schubfach's proof asks for, cut off and one added: 126 of them
/// for double, 63 for float.
constexpr Wide scale_of(int k, bool wide) {
  auto const power = power_of_ten(-k);
  return wide ? ((Wide{power.high} << 64 | power.low) >> 2) + 1 : Wide{(power.high >> 1) + 1};
}

/// scale x factor / 2^127 (double) or / 2^64 (float), with the last bit set if bits were lost that
/// are more than the scale's error.
template <bool IsDouble>
constexpr std::uint64_t round_to_odd(Wide scale, std::uint64_t factor) {
  if constexpr (IsDouble) {
    auto const low = Wide{static_cast<std::uint64_t>(scale)} * factor >> 64;
    auto const sum = (scale >> 64) * factor + low;
    auto const lost = static_cast<std::uint64_t>(sum) & ~(std::uint64_t{1} << 63);
    return static_cast<std::uint64_t>(sum >> 63) | (lost != 0 ? 1 : 0);
  } else {
    auto const product = scale * factor;
    auto const lost = static_cast<std::uint64_t>(product) >> 33;
    return static_cast<std::uint64_t>(product >> 64) | (lost != 0 ? 1 : 0);
  }
}

/// Of c 2^q > 0. @param regular false for a power of two, whose lower neighbour is nearer
template <class Float>
Decimal exact_decimal(std::uint64_t c, int q, bool regular) {
  constexpr bool wide = sizeof(Float) == 8;
  int const k = regular ? floor_log10_of_two(q) : floor_log10_of_three_quarters(q);
  auto const scale = scale_of(k, wide);
  int const shift = q + floor_log2_of_power(-k) + 2;
  auto const at = [&](std::uint64_t quarters) {
    return round_to_odd<wide>(scale, quarters << static_cast<unsigned>(shift));
  };
  auto const value = at(4 * c); // in quarters of the last digit, as all that follow
  auto const lower = at(4 * c - (regular ? 2 : 1)) + (c & 1);
  auto const upper = at(4 * c + 2) - (c & 1);
  auto const whole = value / 4;
  auto const tens = whole / 10 * 10;
  bool const down = lower <= 4 * tens;
  bool const up = 4 * (tens + 10) <= upper;
  if (down != up) {
    return {down ? tens : tens + 10, k};
  }
  bool const down_one = lower <= 4 * whole;
  bool const up_one = 4 * (whole + 1) <= upper;
  if (down_one != up_one) {
    return {down_one ? whole : whole + 1, k};
  }
  auto const middle = 4 * whole + 2;
  return {value < middle || (value == middle && whole % 2 == 0) ? whole : whole + 1, k};
}

/// How numbers of some binary exponent are scaled.
struct Scaling {
  Power power;
  std::int16_t exponent = 0; ///< k, of ten
  std::uint16_t shift = 0;   ///< of c: 1 to 4
};

template <class Float>
constexpr auto make_scalings() {
  std::array<Scaling, FloatBits<Float>::special> scalings{};
  for (std::size_t biased = 1; biased < scalings.size(); ++biased) {
    int const q = static_cast<int>(biased) - 1 + FloatBits<Float>::least_exponent;
    int const k = floor_log10_of_two(q);
    scalings[biased] = {power_of_ten(-k), static_cast<std::int16_t>(k),
                        static_cast<std::uint16_t>(q + floor_log2_of_power(-k) + 1)};
  }
  return scalings;
}

/// By exponent as it is stored.
template <class Float>
inline constexpr auto scalings = make_scalings<Float>();

/// All bits, or none.
constexpr std::uint64_t mask_of(bool condition) {
  return 0 - std::uint64_t{condition};
}

/// Of a normal number that is no power of two: c 2^q.
/// @param biased q as it is stored
template <class Float>
Decimal decimal_of(std::uint64_t c, unsigned biased) {
  constexpr bool wide = sizeof(Float) == 8;
  // A digit in front of so many bits of a fraction, of which the last ones may be wrong.
  constexpr unsigned bits = wide ? 59 : 32;
  constexpr std::uint64_t unsure = 8;
  constexpr std::uint64_t one = std::uint64_t{1} << bits;
  auto const& [power, k, shift] = scalings<Float>[biased];
  auto product = Wide{power.high} * (c << shift);
  if constexpr (wide) {
    product += static_cast<std::uint64_t>(Wide{power.low} * (c << shift) >> 64);
  }
  auto const whole = static_cast<std::uint64_t>(product >> 64);
  auto const fraction = static_cast<std::uint64_t>(product) >> (64 - bits);
  auto const half = power.high >> (65 - bits - shift); // of the distance between neighbours
  auto const digit = whole % 10;
  auto const above = digit * one + fraction; // the multiple of ten below
  auto const reach = above + half;
  auto const within = [](std::uint64_t a, std::uint64_t b) { return a + unsure - b <= 2 * unsure; };
  bool const doubtful =
      bool(within(above, half) | within(reach, 10 * one) | within(fraction, one / 2));
  if (doubtful) [[unlikely]] {
    return exact_decimal<Float>(c, static_cast<int>(biased) - 1 + FloatBits<Float>::least_exponent,
                                true);
  }
  // All by masks: four of ten numbers end in a zero here, which nothing can predict.
  auto const up = mask_of(reach > 10 * one);
  auto const to_ten = mask_of(above < half) | up;
  auto const near = whole + (fraction >> (bits - 1));
  auto const ten = whole - digit + (up & 10);
  return {near ^ ((near ^ ten) & to_ten), k};
}

} // namespace fod::json
