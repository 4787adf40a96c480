#include "words.hpp"

#include <cstddef>

namespace fod::events {

namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
}

bool is_ascii_word(unsigned byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || byte == '_';
}

/// Bytes at `i` that separate words; 0 if a word goes on there.
std::size_t separator_at(std::string_view text, std::size_t i) {
  auto const first = byte_at(text, i);
  auto const second = byte_at(text, i + 1);
  if (first < 0x80) {
    return is_ascii_word(first) ? 0 : 1;
  }
  if (first == 0xc2) { // U+0080 to U+00BF: spaces, marks and symbols of Latin 1
    return 2;
  }
  // U+2000 to U+2BFF: spaces, quotes, dashes, arrows, mathematical and other symbols
  bool const symbol = first == 0xe2 && second >= 0x80 && second < 0xb0;
  // U+3000 to U+303F: spaces and marks of Chinese, Japanese and Korean
  bool const mark = first == 0xe3 && second == 0x80;
  return symbol || mark ? 3 : 0;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (std::size_t i = 0; i < text.size();) {
    auto const skipped = separator_at(text, i);
    if (skipped == 0) {
      if (!inside) {
        words.emplace_back();
      }
      words.back() += lower(text[i]);
    }
    inside = skipped == 0;
    i += skipped == 0 ? 1 : skipped;
  }
  return words;
}

} // namespace fod::events
