#include "fod/json_scanner.hpp"

#include "fod/utf8.hpp"

#include <algorithm>

namespace fod::json {

namespace {

// Objects instead of functions: these are called for every byte and must be inlined.
constexpr auto is_digit = [](int c) { return '0' <= c && c <= '9'; };
constexpr auto is_letter = [](int c) { return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z'); };
constexpr auto is_number_byte = [](int c) {
  return is_digit(c) || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
};

/// Whether `text` is `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
bool is_number(std::string_view text) {
  auto const take = [&](std::string_view any_of) {
    bool const there = !text.empty() && any_of.find(text[0]) != std::string_view::npos;
    text.remove_prefix(there ? 1 : 0);
    return there;
  };
  auto const take_digits = [&] {
    // Not find_first_not_of, which took a third of an import's time.
    auto const* const stop = std::find_if_not(text.begin(), text.end(), is_digit);
    auto const count = static_cast<std::size_t>(stop - text.begin());
    text.remove_prefix(count);
    return count > 0;
  };
  take("-");
  if (!take("0") && !take_digits()) {
    return false;
  }
  if (take(".") && !take_digits()) {
    return false;
  }
  if (take("eE")) {
    take("+-");
    if (!take_digits()) {
      return false;
    }
  }
  return text.empty();
}

std::string shortened(std::string_view text) {
  return text.size() <= 40 ? std::string(text) : std::string(text.substr(0, 40)) + "...";
}

} // namespace

template <class Wanted>
void Scanner::take_while(Wanted wanted) {
  do {
    auto const* const stop = std::find_if_not(
        next_, end_, [&](char c) { return wanted(static_cast<unsigned char>(c)); });
    text_.append(next_, stop);
    next_ = stop;
  } while (next_ == end_ && refill());
}

Token Scanner::scan_value() {
  int const c = peek();
  if (c == '{' || c == '[') {
    return open(static_cast<char>(c));
  }
  if (c == '"') {
    scan_string();
    return scalar(Token::string);
  }
  if (c == '-' || is_digit(c)) {
    return scan_number();
  }
  if (is_letter(c)) {
    text_.clear();
    return scan_word();
  }
  unexpected(state_ == State::first_value ? "a value, or `]`," : "a value");
}

Token Scanner::scan_number() {
  text_.clear();
  take_while(is_number_byte);
  if (text_ == "-" && is_letter(peek())) {
    return scan_word();
  }
  if (!is_number(text_)) {
    refuse("`" + shortened(text_) + "` is no JSON number");
  }
  return scalar(Token::number);
}

Token Scanner::scan_word() {
  take_while(is_letter);
  if (text_ == "true" || text_ == "false") {
    return scalar(Token::boolean);
  }
  if (text_ == "null") {
    return scalar(Token::null);
  }
  if (text_ == "NaN" || text_ == "Infinity" || text_ == "-Infinity") {
    return scalar(Token::number);
  }
  refuse("`" + shortened(text_) + "` is no JSON value");
}

void Scanner::scan_string() {
  advance();
  text_.clear();
  for (;;) {
    take_while([](int c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; });
    int const c = peek();
    if (c == '"') {
      advance();
      return;
    }
    if (c == '\\') {
      scan_escape();
    } else if (c >= 0x80) {
      scan_multibyte();
    } else {
      unexpected(c < 0 ? "the closing `\"` of a string" : "an escaped control character");
    }
  }
}

void Scanner::scan_escape() {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  advance();
  int const c = peek();
  if (c == 'u') {
    scan_unicode_escape();
    return;
  }
  auto const at = c < 0 ? std::string_view::npos : letters.find(static_cast<char>(c));
  if (at == std::string_view::npos) {
    unexpected("one of \"\\/bfnrtu after `\\`");
  }
  advance();
  text_ += meanings[at];
}

unsigned Scanner::scan_hex() {
  unsigned code = 0;
  for (int i = 0; i < 4; ++i) {
    int const c = peek();
    int const lower = c | 0x20;
    if (!is_digit(c) && !('a' <= lower && lower <= 'f')) {
      unexpected("a hexadecimal digit of `\\u`");
    }
    code = code * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : lower - 'a' + 10);
    advance();
  }
  return code;
}

void Scanner::scan_unicode_escape() {
  auto const lone = [&] {
    start_ = here();
    refuse("half of a surrogate pair (\\ud800 to \\udfff alone) stands before this",
           "it has no UTF-8 form: write the whole character");
  };
  advance();
  unsigned code = scan_hex();
  if (0xdc00 <= code && code < 0xe000) {
    lone();
  }
  if (0xd800 <= code && code < 0xdc00) {
    if (peek() != '\\') {
      lone();
    }
    advance();
    if (peek() != 'u') {
      lone();
    }
    advance();
    auto const low = scan_hex();
    if (low < 0xdc00 || low >= 0xe000) {
      lone();
    }
    code = 0x10000 + ((code - 0xd800) << 10U) + (low - 0xdc00);
  }
  append_utf8(text_, code);
}

void Scanner::scan_multibyte() {
  auto const position = here();
  std::string bytes;
  auto const length = utf8_length(static_cast<unsigned char>(peek()));
  while (bytes.size() < length && peek() >= 0) {
    bytes += static_cast<char>(peek());
    advance();
  }
  if (!is_utf8_character(bytes)) {
    start_ = position;
    refuse("a byte that is not UTF-8", "save it as UTF-8");
  }
  line_start_ += static_cast<std::int64_t>(length) - 1; // columns count characters
  text_ += bytes;
}

} // namespace fod::json
