#include "fod/json.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace json = fod::json;

namespace {

template <class Float>
std::string number(Float value) {
  std::string out;
  json::append_number(out, value);
  return out;
}

std::string quoted(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

constexpr auto infinity = std::numeric_limits<double>::infinity();
constexpr auto nan_value = std::numeric_limits<double>::quiet_NaN();

} // namespace

TEST_CASE("numbers are laid out as Python's repr", "[json]") {
  std::vector<std::pair<double, std::string>> const table{
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-1.0, "-1.0"},
      {0.1, "0.1"},
      {0.5, "0.5"},
      {12.5, "12.5"},
      {100000.0, "100000.0"},
      {123456.789, "123456.789"},
      {0.0001, "0.0001"},
      {0.00012345, "0.00012345"},
      {0.00001, "1e-05"},
      {0.000012, "1.2e-05"},
      {1e-7, "1e-07"},
      {1e-100, "1e-100"},
      {5e-324, "5e-324"},
      {1e15, "1000000000000000.0"},
      {1234567890123456.0, "1234567890123456.0"},
      {9999999999999998.0, "9999999999999998.0"},
      {1e16, "1e+16"},
      {1.5e16, "1.5e+16"},
      {1e22, "1e+22"},
      {1e23, "1e+23"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {5.684341886080802e-14, "5.684341886080802e-14"}, // two shortest forms, a tie
      {9007199254740993.0, "9007199254740992.0"},
      {static_cast<double>(0.3F), "0.30000001192092896"},
      {static_cast<double>(std::numeric_limits<float>::denorm_min()), "1.401298464324817e-45"},
      {infinity, "Infinity"},
      {-infinity, "-Infinity"},
      {nan_value, "NaN"},
      {-nan_value, "NaN"},
  };
  for (auto const& [value, text] : table) {
    CHECK(number(value) == text);
  }
}

TEST_CASE("shortest float32 digits have the same layout", "[json]") {
  std::vector<std::pair<float, std::string>> const table{
      {0.0F, "0.0"},
      {-0.0F, "-0.0"},
      {0.3F, "0.3"},
      {1.0F, "1.0"},
      {100000.0F, "100000.0"},
      {0.0001F, "0.0001"},
      {1e-7F, "1e-07"},
      {16777216.0F, "16777216.0"},
      {1e10F, "10000000000.0"},
      {1e16F, "1e+16"},
      {1e-45F, "1e-45"},
      {std::numeric_limits<float>::max(), "3.4028235e+38"},
      {-std::numeric_limits<float>::infinity(), "-Infinity"},
      {std::numeric_limits<float>::quiet_NaN(), "NaN"},
  };
  for (auto const& [value, text] : table) {
    CHECK(number(value) == text);
  }
}

TEST_CASE("strings are escaped as by json.dumps(ensure_ascii=False)", "[json]") {
  CHECK(quoted("") == R"("")");
  CHECK(quoted("plain / text") == R"("plain / text")");
  CHECK(quoted("a\"b\\c") == R"("a\"b\\c")");
  CHECK(quoted("\n\r\t\b\f") == R"("\n\r\t\b\f")");
  CHECK(quoted(std::string_view("\0\x01\x0b\x1f", 4)) == R"("\u0000\u0001\u000b\u001f")");
  CHECK(quoted("\x7f") == "\"\x7f\"");
  CHECK(quoted("gr\u00fc\u00dfe \u2028 \U0001f600") == "\"gr\u00fc\u00dfe \u2028 \U0001f600\"");
}

TEST_CASE("numbers are read as Python reads them", "[json]") {
  CHECK(json::to_double("1E400") == infinity);
  CHECK(json::to_double("-1e400") == -infinity);
  CHECK(json::to_double(std::string(400, '9')) == infinity);
  CHECK(json::to_double("1e-400") == 0.0);
  CHECK(std::signbit(json::to_double("-1e-400")));
  CHECK(std::signbit(json::to_double("-0.0")));
  CHECK_FALSE(std::signbit(json::to_double("-0")));
  CHECK(json::to_double("0.30000001192092896") == static_cast<double>(0.3F));
  CHECK(json::to_double("-Infinity") == -infinity);
  CHECK(std::isnan(json::to_double("NaN")));
}
