#include "fod/json.hpp"
#include "json/read_number.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>
#include <string>

namespace json = fod::json;

namespace {

/// The digits of std::to_chars, laid out after Python's rule.
template <class Float>
std::string expected(Float value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  std::string const sign = std::signbit(value) ? "-" : "";
  if (std::isinf(value)) {
    return sign + "Infinity";
  }
  std::array<char, 64> room{};
  auto const end = std::to_chars(room.data(), room.data() + room.size(), std::abs(value),
                                 std::chars_format::scientific)
                       .ptr;
  std::string const text(room.data(), end);
  auto const mark = text.rfind('e');
  int const exponent = std::stoi(text.substr(mark + 1));
  if (exponent < -4 || exponent >= 16) {
    return sign + text;
  }
  std::string digits = text.substr(0, 1) + (mark > 2 ? text.substr(2, mark - 2) : "");
  if (exponent < 0) {
    return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  }
  auto const whole = static_cast<std::size_t>(exponent) + 1;
  digits.resize(std::max(digits.size(), whole + 1), '0');
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

template <class Float>
bool agrees(Float value) {
  std::string text;
  json::append_number(text, value);
  if (text == expected(value)) {
    return true;
  }
  UNSCOPED_INFO(text << " where " << expected(value) << " was expected");
  return false;
}

/// As float32, as the double of the same value, and as text that is read again.
bool all_agree(float value) {
  return agrees(value) && agrees(static_cast<double>(value));
}

bool reads_back(std::string text) {
  auto const length = text.size();
  double const right = json::to_double(text);
  text.append(32, '\0');
  auto const number = json::read_number(text.data());
  bool const same =
      std::bit_cast<std::uint64_t>(number.value) == std::bit_cast<std::uint64_t>(right);
  if (number.end == text.data() + length && (same || std::isnan(right))) {
    return true;
  }
  UNSCOPED_INFO(text.substr(0, length) << " is read as " << number.value);
  return false;
}

bool reads_back(double value) {
  std::string text;
  json::append_number(text, value);
  return reads_back(text);
}

/// A value and its neighbours.
bool neighbours_agree(double value) {
  auto const infinity = std::numeric_limits<double>::infinity();
  bool good = true;
  for (double const one : {value, std::nextafter(value, 0.0), std::nextafter(value, infinity)}) {
    good = good && agrees(one) && agrees(-one) && reads_back(one);
    if (std::abs(one) <= static_cast<double>(std::numeric_limits<float>::max())) {
      good = good && agrees(static_cast<float>(one));
    }
  }
  return good;
}

} // namespace

TEST_CASE("random bit patterns have the shortest digits", "[json][numbers]") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 400'000; ++i) {
    auto const bits = random();
    REQUIRE(agrees(std::bit_cast<double>(bits)));
    REQUIRE(reads_back(std::bit_cast<double>(bits)));
    REQUIRE(all_agree(std::bit_cast<float>(static_cast<std::uint32_t>(bits))));
    REQUIRE(agrees(static_cast<double>(bits >> (bits % 64))));   // whole numbers
    REQUIRE(agrees(static_cast<double>(bits % 100'000) / 1000)); // few digits
    REQUIRE(all_agree(static_cast<float>(bits % 100'000) / 2));  // halves
    REQUIRE(agrees(static_cast<double>(bits >> 11U) * 0x1p-53)); // in [0, 1)
  }
}

TEST_CASE("powers of two and of ten, and their neighbours", "[json][numbers]") {
  for (int e = -1074; e < 1024; ++e) {
    REQUIRE(neighbours_agree(std::ldexp(1.0, e)));
  }
  for (int e = -323; e < 309; ++e) {
    for (char const* const mantissa : {"1", "5", "9.5", "1.5"}) {
      auto const text = mantissa + ("e" + std::to_string(e));
      if (auto const value = json::to_double(text); std::isfinite(value)) {
        REQUIRE(neighbours_agree(value));
      }
    }
  }
  for (double value = 1e15; value < 1.1e17; value *= 1.003) {
    REQUIRE(neighbours_agree(std::floor(value)));
  }
  for (double const value : {5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 1e22, 1e23,
                             9007199254740993.0, 9999999999999998.0, 0.1, 0.3, 123456.789}) {
    REQUIRE(neighbours_agree(value));
  }
}

TEST_CASE("decimal numbers of any form are read to the nearest double", "[json][numbers]") {
  std::mt19937_64 random(2);
  for (int i = 0; i < 200'000; ++i) {
    auto const bits = random();
    auto const digits = std::to_string(bits >> (bits % 64));
    REQUIRE(reads_back(digits));
    REQUIRE(reads_back(digits + "e" + std::to_string(static_cast<int>(random() % 700) - 350)));
    REQUIRE(reads_back("-0." + digits + std::to_string(random())));
    REQUIRE(reads_back("0.000" + digits + "E+" + std::to_string(bits % 20)));
  }
  // Half way between two doubles, to the last digit, and a digit further to either side.
  for (std::uint64_t i = 0; i < 3000; ++i) {
    auto const odd = ((std::uint64_t{1} << 53U) + i) * 2 + 1;
    for (std::string const tail : {"", ".0", "e0", ".00000000000000000000000001", "e-20", "e30"}) {
      REQUIRE(reads_back(std::to_string(odd) + tail));
      REQUIRE(reads_back(std::to_string(odd - 1) + tail));
    }
  }
  for (std::string const text :
       {"0", "-0", "-0.0", "0e5", "1e-400", "1e400", "-1e400", "2.4703282292062327e-324",
        "2.4703282292062328e-324", "1.7976931348623158e308", "1.7976931348623159e308", "NaN",
        "Infinity", "-Infinity", "2.2250738585072011e-308", "1E5", "1e+05"}) {
    CHECK(reads_back(text));
  }
}

TEST_CASE("what is no JSON number is not read", "[json][numbers]") {
  for (std::string text : {"", "-", "+1", ".5", "5.", "01", "-01", "1e", "1e+", "1.e5", "nan",
                           "Inf", "-NaN", "--1", "e5", "\"1\"", "null"}) {
    text.append(32, '\0');
    CHECK(json::read_number(text.data()).end == nullptr);
  }
}

TEST_CASE("a list is written as its numbers are", "[json][numbers]") {
  std::array<float, 3> const values{0.1F, 1e-7F, -2.0F};
  std::array<char, 3 * json::number_bytes + json::number_room> room{};
  auto const list = [&](json::Digits digits, std::string_view separator) {
    return std::string(room.data(),
                       json::write_list(room.data(), std::span(values), digits, separator));
  };
  CHECK(list(json::Digits::float32, ", ") == "0.1, 1e-07, -2.0");
  CHECK(list(json::Digits::float64, ",") == "0.10000000149011612,1.0000000116860974e-07,-2.0");
  CHECK(json::write_list(room.data(), std::span<double const>()) == room.data());
}

TEST_CASE("every float32 has the shortest digits, and as a double too", "[.][exhaustive]") {
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32U); ++bits) {
    if (!all_agree(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))) {
      FAIL("bits " << bits);
    }
  }
}
