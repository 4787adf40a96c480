#include "fod_terminal.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace fod::app {

namespace {

std::string_view variable(char const* name) {
  auto const* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

Terminal look() {
  if (::isatty(STDOUT_FILENO) == 0) {
    return {};
  }
  constexpr std::size_t usual = 80;
  struct winsize size {};
  bool const known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  auto const term = variable("TERM");
  return {variable("NO_COLOR").empty() && !term.empty() && term != "dumb",
          known ? size.ws_col : usual};
}

} // namespace

Terminal const& terminal() {
  static Terminal const found = look();
  return found;
}

std::string styled(std::string const& text, Style style) {
  if (!terminal().colours) {
    return text;
  }
  char const* const code = style == Style::bold ? "1" : style == Style::good ? "32" : "1;31";
  return std::string("\x1b[") + code + "m" + text + "\x1b[0m";
}

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U;
}

std::size_t width_of(std::string const& text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues_character));
}

std::string cut(std::string const& text, std::size_t width) {
  if (width_of(text) <= width) {
    return text;
  }
  std::size_t end = 0;
  for (std::size_t characters = 0; end < text.size(); ++end) {
    characters += continues_character(text[end]) ? 0 : 1;
    if (characters >= std::max<std::size_t>(1, width)) {
      break;
    }
  }
  return text.substr(0, end) + "…";
}

std::string wrapped(std::string const& text, std::size_t width) {
  std::string lines;
  std::istringstream words(text);
  std::size_t used = 0;
  for (std::string word; words >> word;) {
    auto const more = width_of(word);
    bool const fits = used > 0 && used + 1 + more <= width;
    lines += used == 0 ? "" : fits ? " " : "\n";
    lines += word;
    used = fits ? used + 1 + more : more;
  }
  return lines;
}

} // namespace fod::app
