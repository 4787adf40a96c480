#include "fod_table.hpp"

#include "fod/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace fod::app {

namespace {

constexpr std::size_t longest_value = 96;

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U;
}

/// Characters of a text in UTF-8.
std::size_t width_of(std::string const& text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues_character));
}

} // namespace

std::string aligned(std::vector<Row> const& rows, std::string_view alignment) {
  std::vector<std::size_t> widths(alignment.size(), 0);
  for (auto const& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], width_of(row[c]));
    }
  }
  std::string text;
  for (auto const& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      std::string const padding(widths[c] - width_of(row[c]), ' ');
      line += "  " + (alignment[c] == 'r' ? padding + row[c] : row[c] + padding);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string titled(std::string const& title, std::string const& table) {
  return table.empty() ? "" : "\n" + title + "\n" + table;
}

std::string decimal(double value, int digits) {
  if (std::isnan(value)) {
    return "-";
  }
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

std::string percent(std::int64_t part, std::int64_t whole) {
  auto const share =
      static_cast<double>(part) / static_cast<double>(std::max<std::int64_t>(1, whole));
  return decimal(100 * share, 1) + " %";
}

std::string shortened(std::string text) {
  if (text.size() > longest_value) {
    auto end = longest_value - 3;
    while (end > 0 && continues_character(text[end])) {
      --end;
    }
    text = text.substr(0, end) + "...";
  }
  return text;
}

std::string first_numbers(std::vector<std::int64_t> const& numbers, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(numbers.size(), most); ++i) {
    text += (i == 0 ? "" : " ") + std::to_string(numbers[i]);
  }
  return numbers.size() > most
             ? text + " +" + grouped(static_cast<std::int64_t>(numbers.size() - most))
             : text;
}

} // namespace fod::app
