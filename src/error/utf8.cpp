#include "fod/utf8.hpp"

namespace fod {

namespace {

unsigned byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

} // namespace

std::size_t utf8_length(unsigned char lead) {
  if (lead < 0x80) {
    return 1;
  }
  if (lead < 0xc2) { // a continuation, or the start of an overlong form
    return 0;
  }
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
}

bool is_utf8_character(std::string_view bytes) {
  if (bytes.empty() || utf8_length(static_cast<unsigned char>(bytes[0])) != bytes.size()) {
    return false;
  }
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    if ((byte_at(bytes, i) & 0xc0U) != 0x80U) {
      return false;
    }
  }
  if (bytes.size() < 3) {
    return true;
  }
  auto const lead = byte_at(bytes, 0);
  auto const second = byte_at(bytes, 1);
  bool const overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  bool const surrogate = lead == 0xed && second >= 0xa0;
  bool const too_large = lead == 0xf4 && second >= 0x90;
  return !overlong && !surrogate && !too_large;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    auto const length = utf8_length(static_cast<unsigned char>(text[0]));
    if (length == 0 || length > text.size() || !is_utf8_character(text.substr(0, length))) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

void append_utf8(std::string& out, unsigned code_point) {
  auto const put = [&](unsigned byte) { out += static_cast<char>(byte); };
  auto const follow = [&](unsigned shift) { put(0x80U | ((code_point >> shift) & 0x3fU)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0U | (code_point >> 6U));
    follow(0);
  } else if (code_point < 0x10000) {
    put(0xe0U | (code_point >> 12U));
    follow(6);
    follow(0);
  } else {
    put(0xf0U | (code_point >> 18U));
    follow(12);
    follow(6);
    follow(0);
  }
}

std::string repaired_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto const length = utf8_length(static_cast<unsigned char>(text[0]));
    if (length <= text.size() && is_utf8_character(text.substr(0, length))) {
      out += text.substr(0, length);
      text.remove_prefix(length);
    } else {
      append_utf8(out, 0xfffd);
      text.remove_prefix(1);
    }
  }
  return out;
}

} // namespace fod
