#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Tables for people, which the commands of `fod` share.
namespace fod::app {

using Row = std::vector<std::string>;

/// Rows in columns, two spaces apart, each aligned 'l' or 'r'. On a terminal that is too narrow,
/// columns of text are cut.
std::string aligned(std::vector<Row> const& rows, std::string_view alignment);
/// The same, with the first row as the heading.
std::string with_heading(std::vector<Row> const& rows, std::string_view alignment);
/// A table below its title; nothing without a table.
std::string titled(std::string const& title, std::string const& table);
/// A number with so many digits after the point; "-" for NaN.
std::string decimal(double value, int digits);
/// "12.5 %".
std::string percent(std::int64_t part, std::int64_t whole);
/// Cut at a length that fits into a table, between characters, never inside one.
std::string shortened(std::string text);
/// Where the largest counts are, at most so many and then the largest first, ties by index; in
/// order if all fit.
std::vector<std::size_t> most_frequent(std::vector<std::int64_t> const& counts, std::size_t most);
/// The first numbers, and how many more there are: "3 7 19 +57".
std::string first_numbers(std::vector<std::int64_t> const& numbers, std::size_t most);

} // namespace fod::app
