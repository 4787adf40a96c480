#include "fod/json.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace fod::json {

namespace {

/// Lays "d.ddde-05" out without its exponent.
void append_fixed(std::string& out, std::string_view mantissa, int exponent) {
  auto const lead = mantissa.substr(0, 1);
  auto const rest = mantissa.size() > 2 ? mantissa.substr(2) : std::string_view();
  if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out += lead;
    out += rest;
    return;
  }
  auto const whole = static_cast<std::size_t>(exponent);
  out += lead;
  out += rest.substr(0, whole);
  if (rest.size() > whole) {
    out += '.';
    out += rest.substr(whole);
  } else {
    out.append(whole - rest.size(), '0');
    out += ".0";
  }
}

/// `to_chars` knows the digits, Python's repr knows when they get an exponent.
template <class Float>
void append_shortest(std::string& out, Float value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::signbit(value)) {
    out += '-';
    value = -value;
  }
  if (std::isinf(value)) {
    out += "Infinity";
    return;
  }
  std::array<char, 32> digits{};
  auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 std::chars_format::scientific)
                       .ptr;
  std::string_view const text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  auto const mark = text.rfind('e');
  int exponent = 0;
  auto const* sign = text.data() + mark + 1;
  std::from_chars(*sign == '+' ? sign + 1 : sign, end, exponent);
  if (-4 <= exponent && exponent < 16) {
    append_fixed(out, text.substr(0, mark), exponent);
  } else {
    out += text;
  }
}

/// The short escape of a control character, 0 if it has none.
char short_escape(char c) {
  switch (c) {
  case '\n':
    return 'n';
  case '\r':
    return 'r';
  case '\t':
    return 't';
  case '\b':
    return 'b';
  case '\f':
    return 'f';
  default:
    return '\0';
  }
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '\\';
  if (c == '"' || c == '\\') {
    out += c;
  } else if (auto const letter = short_escape(c); letter != '\0') {
    out += letter;
  } else {
    auto const code = static_cast<unsigned char>(c);
    out += "u00";
    out += hex[code / 16U];
    out += hex[code % 16U];
  }
}

} // namespace

void append_number(std::string& out, double value) {
  append_shortest(out, value);
}
void append_number(std::string& out, float value) {
  append_shortest(out, value);
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t kept = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const c = text[i];
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) {
      out += text.substr(kept, i - kept);
      append_escape(out, c);
      kept = i + 1;
    }
  }
  out += text.substr(kept);
  out += '"';
}

} // namespace fod::json
