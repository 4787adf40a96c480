#include "fod/json.hpp"

#include "write_number.hpp"

#include <array>

namespace fod::json {

namespace {

template <class Float>
void append_shortest(std::string& out, Float value) {
  std::array<char, number_room> text; // NOLINT(*-member-init): filled below, in a hot loop
  out.append(text.data(), write_number(text.data(), value));
}

template <class Float, class Stored>
char* write_values(char* out, std::span<Stored const> values, std::string_view separator) {
  std::array<char, 2> two{};
  auto const length = separator.size();
  std::memcpy(two.data(), separator.data(), length);
  for (auto const value : values) {
    out = write_number(out, static_cast<Float>(value));
    std::memcpy(out, two.data(), 2);
    out += length;
  }
  return values.empty() ? out : out - length;
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

char* write_list(char* out, std::span<double const> values, std::string_view separator) {
  return write_values<double>(out, values, separator);
}
char* write_list(char* out, std::span<float const> values, Digits digits,
                 std::string_view separator) {
  return digits == Digits::float32 ? write_values<float>(out, values, separator)
                                   : write_values<double>(out, values, separator);
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
