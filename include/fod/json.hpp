#pragma once

#include "fod/json_scanner.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The exact JSON format of distributions, byte for byte what Python's
/// `json.dump({"meta": …, "distributions": …}, f, ensure_ascii=False)` writes:
/// one line, separators ", " and ": ", no BOM, no trailing newline.
namespace fod::json {

/// Appends `value` as Python's `repr` of a float: shortest digits that round-trip, fixed iff
/// -4 <= exponent < 16, else an exponent of two digits at least; NaN, Infinity, -Infinity bare.
void append_number(std::string& out, double value);
/// Appends the shortest digits that round-trip as float32, laid out the same way.
void append_number(std::string& out, float value);

/// Room that a number takes in a list at most, with all that is written beyond its end.
inline constexpr std::size_t number_room = 48;
/// Most bytes of a number and the ", " behind it: "-2.2250738585072014e-308, ".
inline constexpr std::size_t number_bytes = 26;

/// The digits that a float32 is written with.
enum class Digits {
  float64, ///< of the same number as a double, which Python prints
  float32  ///< as few as tell it from other float32
};

/// Writes "0.1, 0.25" and returns its end. The digits are as of `append_number`.
/// @param separator one or two characters
/// @param out has `number_bytes` for each value, and `number_room` once
char* write_list(char* out, std::span<double const> values, std::string_view separator = ", ");
char* write_list(char* out, std::span<float const> values, Digits digits,
                 std::string_view separator = ", ");

/// Appends a quoted string: `"`, `\` and C0 controls escaped, all else as it is.
void append_string(std::string& out, std::string_view text);

/// `text` (any valid JSON, also with bare NaN and infinities) laid out as Python would write it
/// after reading it: separators, number and string forms; whole numbers of any size are kept.
/// @throws Error (usage) naming line and column of what is not valid, or a key given twice
std::string canonical(std::string_view text);

/// The same of the value that `scanner` is in, whose first token was `first`; reads it to its end.
std::string canonical_value(Scanner& scanner, Token first);

/// The value of a number as it is written in JSON, NaN and infinities among them; too large a one
/// is infinite, as in Python.
double to_double(std::string_view number);

/// Says that the key just read was there before.
[[noreturn]] void refuse_repeated_key(Scanner const& scanner);

/// One entry of a meta object: key and canonical JSON of its value.
struct MetaEntry {
  std::string key;
  std::string value;
};
using Meta = std::vector<MetaEntry>;

/// A meta object from its JSON text, and back. Order is kept.
/// @throws Error (usage) if `text` is no object
Meta parse_meta(std::string_view text);
std::string to_text(Meta const& meta);
/// Replaces the value of `key` in place, or appends it.
void set(Meta& meta, std::string const& key, std::string value);

} // namespace fod::json
