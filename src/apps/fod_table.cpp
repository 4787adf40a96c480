#include "fod_table.hpp"

#include "fod_terminal.hpp"

#include "fod/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace fod::app {

namespace {

constexpr std::size_t longest_value = 96;

/// Narrows columns of text, the widest first, until rows fit the terminal.
void fit(std::vector<std::size_t>& widths, std::string_view alignment) {
  constexpr std::size_t narrowest = 8;
  auto const limit = terminal().width;
  auto total = std::accumulate(widths.begin(), widths.end(), 2 * widths.size());
  while (limit > 0 && total > limit) {
    std::size_t widest = widths.size();
    for (std::size_t c = 0; c < widths.size(); ++c) {
      bool const may = alignment[c] == 'l' && widths[c] > narrowest;
      if (may && (widest == widths.size() || widths[c] > widths[widest])) {
        widest = c;
      }
    }
    if (widest == widths.size()) {
      return;
    }
    --widths[widest];
    --total;
  }
}

std::string lines_of(std::vector<Row> const& rows, std::string_view alignment, bool heading) {
  std::vector<std::size_t> widths(alignment.size(), 0);
  for (auto const& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], width_of(row[c]));
    }
  }
  fit(widths, alignment);
  std::string text;
  for (auto const& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      auto const cell = cut(row[c], widths[c]);
      std::string const padding(widths[c] - width_of(cell), ' ');
      line += "  " + (alignment[c] == 'r' ? padding + cell : cell + padding);
    }
    line = line.substr(0, line.find_last_not_of(' ') + 1);
    text += (heading ? styled(line, Style::bold) : line) + "\n";
    heading = false;
  }
  return text;
}

} // namespace

std::string aligned(std::vector<Row> const& rows, std::string_view alignment) {
  return lines_of(rows, alignment, false);
}

std::string with_heading(std::vector<Row> const& rows, std::string_view alignment) {
  return lines_of(rows, alignment, true);
}

std::string titled(std::string const& title, std::string const& table) {
  return table.empty() ? "" : "\n" + styled(title, Style::bold) + "\n" + table;
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

std::vector<std::size_t> most_frequent(std::vector<std::int64_t> const& counts, std::size_t most) {
  std::vector<std::size_t> order(counts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (order.size() > most) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
    order.resize(most);
  }
  return order;
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
