#pragma once

#include "decimal.hpp"
#include "fod/json.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

/// Inside of the json module: numbers as Python's `repr` writes them, into memory that has room.
namespace fod::json {

static_assert(std::endian::native == std::endian::little, "digits are put together in a register");

/// How a number of some decimal exponent is laid out: `lead` with the first digit put in, the other
/// digits, `tail`. Of 16 bytes, for two loads.
struct Form {
  std::uint64_t lead = 0; ///< "0.00" and the first digit's place, or that place and "."
  std::uint64_t tail = 0; ///< "e-05" or nothing; the highest three bytes are numbers:

  [[nodiscard]] unsigned lead_bytes() const { return static_cast<unsigned>(tail >> 40) & 0xff; }
  [[nodiscard]] unsigned tail_bytes() const { return static_cast<unsigned>(tail >> 48) & 0xff; }
  /// Of the first digit in `lead`.
  [[nodiscard]] unsigned first_bit() const { return static_cast<unsigned>(tail >> 56); }
};

inline constexpr int least_form = -324;
inline constexpr int largest_form = 308;

constexpr std::uint64_t packed(char const* text) {
  std::uint64_t word = 0;
  for (unsigned i = 0; text[i] != '\0'; ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  }
  return word;
}

constexpr std::uint64_t numbers_of_form(std::uint64_t lead_bytes, std::uint64_t tail_bytes,
                                        std::uint64_t first_bit) {
  return lead_bytes << 40 | tail_bytes << 48 | first_bit << 56;
}

constexpr Form make_form(int exponent) {
  if (-4 <= exponent && exponent < 0) {
    auto const zero_bytes = static_cast<unsigned>(-exponent - 1);
    auto const lead = packed("0.0000") & ((std::uint64_t{1} << (8 * (3 + zero_bytes))) - 1);
    return {lead | std::uint64_t{'0'} << (8 * (2 + zero_bytes)),
            numbers_of_form(3 + zero_bytes, 0, std::uint64_t{8} * (2 + zero_bytes))};
  }
  if (0 <= exponent && exponent < 16) {
    return {packed("0."), numbers_of_form(2, 0, 0)};
  }
  auto const size = static_cast<unsigned>(exponent < 0 ? -exponent : exponent);
  std::array<char, 6> text{'e', exponent < 0 ? '-' : '+'};
  std::size_t length = 2;
  if (size >= 100) {
    text[length++] = static_cast<char>('0' + size / 100);
  }
  text[length++] = static_cast<char>('0' + size / 10 % 10);
  text[length++] = static_cast<char>('0' + size % 10);
  return {packed("0."), packed(text.data()) | numbers_of_form(2, length, 0)};
}

constexpr auto make_forms() {
  std::array<Form, largest_form - least_form + 1> forms{};
  for (int e = least_form; e <= largest_form; ++e) {
    forms[static_cast<std::size_t>(e - least_form)] = make_form(e);
  }
  return forms;
}

inline constexpr auto forms = make_forms();

/// Eight decimal digits of a number below 10^8, one per byte, the first in the lowest byte: halves
/// are split off in parallel (P. Khuong, "How to print integers really fast", 2017).
inline std::uint64_t eight_digits(std::uint64_t number) {
  auto const high = (number * 109951163) >> 40; // / 10^4
  auto const fours = high | (number - high * 10000) << 32;
  auto const hundreds = ((fours * 10486) >> 20) & 0x7f0000007f;
  auto const twos = hundreds | (fours - hundreds * 100) << 16;
  auto const tens = ((twos * 103) >> 10) & 0xf000f000f000f;
  return tens | (twos - tens * 10) << 8;
}

/// The digits of a number behind the first one.
template <class Float>
struct Tail {
  static constexpr unsigned length = sizeof(Float) == 8 ? 16 : 8;
  std::array<std::uint64_t, length / 8> words{};
  unsigned used = 0; ///< without zeros at the end

  explicit Tail(std::uint64_t number) {
    if constexpr (length == 16) {
      constexpr std::uint64_t step = 100'000'000;
      auto const high = number / step;
      words = {eight_digits(high), eight_digits(number - high * step)};
    } else {
      words = {eight_digits(number)};
    }
    auto const last = words.back();
    used = last != 0 ? length - 8 + bytes_used(last) : bytes_used(words[0]);
  }

private:
  static unsigned bytes_used(std::uint64_t word) {
    return word != 0 ? 8 - static_cast<unsigned>(std::countl_zero(word)) / 8 : 0;
  }
};

constexpr std::uint64_t zeros = 0x3030303030303030;

/// Lays out 10 to 10^16 as "12345.678": digits are there, the point is put between.
template <class Float>
char* write_with_point(char* out, std::uint64_t first, Tail<Float> const& tail, int exponent) {
  std::array<char, 24> digits; // NOLINT(*-member-init): filled below, in a hot loop
  std::memset(digits.data(), '0', digits.size());
  digits[0] = static_cast<char>('0' + first);
  for (std::size_t i = 0; i < tail.words.size(); ++i) {
    auto const word = tail.words[i] | zeros;
    std::memcpy(digits.data() + 1 + 8 * i, &word, 8);
  }
  auto const whole = static_cast<unsigned>(exponent);
  std::memcpy(out, digits.data(), 16);
  out += exponent + 1;
  *out++ = '.';
  std::memcpy(out, digits.data() + exponent + 1, 8);
  std::memcpy(out + 8, digits.data() + 16, 8);
  if (exponent + 1 <= 8) {
    std::memcpy(out + 8, digits.data() + exponent + 9, 8);
  }
  return out + (tail.used > whole ? tail.used - whole : 1);
}

/// `decimal`'s digits are as many as `Tail` has, and one. Branches on what is rare alone.
template <class Float>
char* write_decimal(char* out, std::uint64_t digits, int exponent) {
  constexpr std::uint64_t unit =
      sizeof(Float) == 8 ? 10'000'000'000'000'000 : std::uint64_t{100'000'000};
  auto const first = digits / unit;
  Tail<Float> const tail(digits - first * unit);
  if (0 < exponent && exponent < 16) [[unlikely]] {
    return write_with_point(out, first, tail, exponent);
  }
  auto const& form = forms[static_cast<std::size_t>(exponent - least_form)];
  auto const lead = form.lead + (first << form.first_bit());
  std::memcpy(out, &lead, 8);
  out += form.lead_bytes();
  for (std::size_t i = 0; i < tail.words.size(); ++i) {
    auto const word = tail.words[i] | zeros;
    std::memcpy(out + 8 * i, &word, 8);
  }
  if (tail.used == 0) [[unlikely]] { // "1.0", "1e-05", "0.1"
    out += exponent == 0 ? 1 : 0;
    out -= exponent < -4 || exponent > 0 ? 1 : 0;
  }
  out += tail.used;
  std::memcpy(out, &form.tail, 8);
  return out + form.tail_bytes();
}

/// Zero, NaN, infinities, denormals and powers of two; the sign is written already (NaN has none).
template <class Float>
[[gnu::noinline]] char* write_rare(char* out, FloatBits<Float> bits) {
  using Traits = FloatBits<Float>;
  auto const put = [&](char const* text) {
    std::string_view const word(text);
    return std::copy(word.begin(), word.end(), out);
  };
  auto const exponent = static_cast<int>(bits.exponent());
  if (bits.exponent() == Traits::special) {
    out -= bits.mantissa() != 0 && bits.negative() ? 1 : 0;
    return put(bits.mantissa() != 0 ? "NaN" : "Infinity");
  }
  if (exponent == 0 && bits.mantissa() == 0) {
    return put("0.0");
  }
  bool const normal = exponent > 0;
  auto const decimal = exact_decimal<Float>(bits.mantissa() | (normal ? Traits::implicit : 0),
                                            (normal ? exponent - 1 : 0) + Traits::least_exponent,
                                            bits.mantissa() != 0 || exponent <= 1);
  constexpr int digits = static_cast<int>(Tail<Float>::length) + 1;
  auto number = decimal.digits;
  int scientific = decimal.exponent + digits - 1;
  for (constexpr std::uint64_t full = digits == 17 ? 10'000'000'000'000'000 : 100'000'000;
       number < full; number *= 10) {
    --scientific;
  }
  return write_decimal<Float>(out, number, scientific);
}

/// Writes a number and returns its end: Python's form of its shortest digits.
/// @param out has `number_room` bytes, of which those beyond the end may be written as well
template <class Float>
inline char* write_number(char* out, Float value) {
  using Traits = FloatBits<Float>;
  Traits const bits(value);
  auto const exponent = bits.exponent();
  *out = '-';
  out += bits.negative() ? 1 : 0;
  if (exponent - 1 >= Traits::special - 1 || bits.mantissa() == 0) [[unlikely]] {
    return write_rare(out, bits);
  }
  auto const decimal = decimal_of<Float>(bits.mantissa() | Traits::implicit, exponent);
  if constexpr (sizeof(Float) == 8) {
    auto const short_by_one = decimal.digits < 10'000'000'000'000'000;
    return write_decimal<Float>(out,
                                decimal.digits + ((decimal.digits * 9) & mask_of(short_by_one)),
                                decimal.exponent + 16 - int{short_by_one});
  } else {
    constexpr std::array<std::uint64_t, 3> factors = {1, 10, 100};
    auto const lacking =
        unsigned{decimal.digits < 100'000'000} + unsigned{decimal.digits < 10'000'000};
    return write_decimal<Float>(out, decimal.digits * factors[lacking],
                                decimal.exponent + 8 - static_cast<int>(lacking));
  }
}

} // namespace fod::json
