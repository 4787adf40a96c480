#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fod {

/// Bytes of the character that starts with `lead`, 0 if none does.
std::size_t utf8_length(unsigned char lead);
/// Whether `bytes` are exactly one character: the shortest form, no surrogate, no more than
/// U+10FFFF.
bool is_utf8_character(std::string_view bytes);
/// Whether all of `text` is UTF-8.
bool is_utf8(std::string_view text);
/// Appends a character that is no surrogate.
void append_utf8(std::string& out, unsigned code_point);
/// `text` with every byte that is not UTF-8 replaced by U+FFFD.
std::string repaired_utf8(std::string_view text);

} // namespace fod
