#pragma once

#include <cstddef>
#include <string>

/// What standard output is, and how text is fitted to it.
namespace fod::app {

struct Terminal {
  bool colours = false;  ///< a terminal that can, and NO_COLOR (no-color.org) is not set
  std::size_t width = 0; ///< columns; 0: no terminal, lines may have any length
};
/// Found out once.
Terminal const& terminal();

enum class Style { bold, good, bad };
/// Text in a style, where there are colours.
std::string styled(std::string const& text, Style style);

/// Whether a byte of UTF-8 is not the first one of its character.
bool continues_character(char byte);
/// Characters of a text in UTF-8.
std::size_t width_of(std::string const& text);
/// At most so many characters, the last one "…" if some were cut off.
std::string cut(std::string const& text, std::size_t width);
/// Words in lines of at most `width` characters, if no word is longer.
std::string wrapped(std::string const& text, std::size_t width);

} // namespace fod::app
