#include "fod/json_scanner.hpp"

#include "fod/error.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <unistd.h>
#include <vector>

using fod::json::Scanner;
using fod::json::Token;

namespace {

struct Seen {
  Token token;
  std::string text;
  std::string where;
  bool operator==(Seen const&) const = default;
};

std::vector<Seen> all_of(Scanner scanner) {
  std::vector<Seen> seen;
  for (auto token = scanner.next(); token != Token::end; token = scanner.next()) {
    bool const has_text = token == Token::key || token == Token::string || token == Token::number ||
                          token == Token::boolean || token == Token::null;
    seen.push_back(
        {token, has_text ? std::string(scanner.text()) : "", to_string(scanner.where())});
  }
  return seen;
}

/// What a scanner says of a faulty text; empty if it finds no fault.
std::string fault_of(std::string_view text) {
  try {
    all_of(Scanner::of_text(text, "t"));
  } catch (fod::Error const& error) {
    CHECK(error.code() == fod::ExitCode::usage);
    return error.what();
  }
  return "";
}

} // namespace

TEST_CASE("tokens come with their text and place", "[json]") {
  auto const seen = all_of(Scanner::of_text("{\"a\": [1, -2.5e3],\n \"\u00e9\u00e9\": null}"));
  std::vector<Seen> const expected{
      {Token::begin_object, "", "line 1, column 1"},    {Token::key, "a", "line 1, column 2"},
      {Token::begin_array, "", "line 1, column 7"},     {Token::number, "1", "line 1, column 8"},
      {Token::number, "-2.5e3", "line 1, column 11"},   {Token::end_array, "", "line 1, column 17"},
      {Token::key, "\u00e9\u00e9", "line 2, column 2"}, {Token::null, "null", "line 2, column 8"},
      {Token::end_object, "", "line 2, column 12"},
  };
  CHECK(seen == expected);
}

TEST_CASE("valid texts pass", "[json]") {
  for (auto const* text :
       {"0", "-0", "1e5", "1E+5", "0.5", "10", "-Infinity", "NaN", "true", "\"\"", " \t\r\n[ ] ",
        "[[[]]]", "{\"\": {}}", "\"\x7f\"", "\"\\u0000\""}) {
    INFO(text);
    CHECK(fault_of(text).empty());
  }
}

TEST_CASE("faults are named with line and column", "[json]") {
  struct Case {
    std::string_view text;
    std::string_view says;
  };
  using namespace std::string_view_literals;
  std::vector<Case> const cases{
      {"", "line 1, column 1: a value was expected, the end of the text came"},
      {"  \n ", "line 2, column 2"},
      {"{", "line 1, column 2: a key in double quotes, or `}`, was expected, the end"},
      {"[1, 2", "`,` or `]` was expected, the end of the text came): it was cut short"},
      {"{\"a\": 1", "`,` or `}` was expected"},
      {"[1 2]", "column 4: `,` or `]` was expected, `2` came"},
      {"[1,]", "column 4: a value was expected, `]` came"},
      {"{\"a\": 1,}", "a key in double quotes was expected, `}` came"},
      {"[,1]", "a value, or `]`, was expected, `,` came"},
      {"{\"a\" 1}", "`:` after a key was expected"},
      {"{a: 1}", "a key in double quotes, or `}`, was expected, `a` came"},
      {"{'a': 1}", "`'` came"},
      {"{1: 1}", "`1` came"},
      {"[1}", "`,` or `]` was expected, `}` came"},
      {"]", "a value was expected, `]` came"},
      {"1 2", "column 3: the end of the text was expected, `2` came"},
      {"{} x", "the end of the text was expected"},
      {"01", "`01` is no JSON number"},
      {"-", "`-` is no JSON number"},
      {"1.", "`1.` is no JSON number"},
      {".5", "a value was expected, `.` came"},
      {"+1", "`+` came"},
      {"1e", "`1e` is no JSON number"},
      {"1.2.3", "`1.2.3` is no JSON number"},
      {"[1-2]", "`1-2` is no JSON number"},
      {"0x10", "the end of the text was expected, `x` came"},
      {"None", "`None` is no JSON value"},
      {"True", "`True` is no JSON value"},
      {"nan", "`nan` is no JSON value"},
      {"-NaN", "`-NaN` is no JSON value"},
      {"-Inf", "`-Inf` is no JSON value"},
      {"+Infinity", "`+` came"},
      {"tru", "`tru` is no JSON value"},
      {"\"abc", "the closing `\"` of a string was expected, the end of the text came"},
      {"\"a\nb\"", "column 3: an escaped control character was expected, byte 0x0a came"},
      {"\"\0\""sv, "byte 0x00 came"},
      {"\0"sv, "byte 0x00 came"},
      {"\"\\x\"", "after `\\` was expected, `x` came"},
      {"\"\\", "the end of the text came"},
      {"\"\\u12g4\"", "a hexadecimal digit of `\\u` was expected, `g` came"},
      {"\"\\u12", "the end of the text came"},
      {"\"\\ud800\"", "surrogate"},
      {"\"\\ud800\\n\"", "surrogate"},
      {"\"\\ud800\\u0041\"", "surrogate"},
      {"\"\\udc00\"", "surrogate"},
      {"\xef\xbb\xbf{}", "byte order mark): save it as UTF-8 without one"},
      {"\xff\xfe{\0"sv, "UTF-16"},
      {"\x1f\x8b\x08", "gzip"},
      {"\u00a0[]", "byte 0xc2 came"},
      {"// c", "`/` came"},
  };
  for (auto const& [text, says] : cases) {
    INFO(text);
    CHECK_THAT(fault_of(text), Catch::Matchers::Contains(std::string(says)));
    CHECK_THAT(fault_of(text), Catch::Matchers::Contains("line "));
  }
}

TEST_CASE("strings must be UTF-8", "[json]") {
  for (auto const* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xc3\x28"}) {
    CHECK_THAT(fault_of("\"ok " + std::string(bad) + "\""),
               Catch::Matchers::Contains("line 1, column 5: a byte that is not UTF-8"));
  }
  for (auto const* good :
       {"\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff"}) {
    CHECK(fault_of("\"" + std::string(good) + "\"").empty());
  }
}

TEST_CASE("depth is limited", "[json]") {
  auto const nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(fault_of(nested(Scanner::deepest)).empty());
  CHECK_THAT(fault_of(nested(Scanner::deepest + 1)),
             Catch::Matchers::Contains("brackets are open"));
}

TEST_CASE("values can be skipped", "[json]") {
  auto scanner = Scanner::of_text(R"([{"a": [1, {}]}, 2, "x"])");
  scanner.next();
  scanner.skip(scanner.next());
  CHECK(scanner.depth() == 1);
  CHECK(scanner.next() == Token::number);
  CHECK(scanner.text() == "2");
}

TEST_CASE("a file reads as its text does, wherever its windows end", "[json]") {
  std::string text = "[\n";
  for (int i = 0; i < 40000; ++i) {
    text += (i == 0 ? "" : ",") + std::to_string(i) +
            ".0625e-3, \"\u00e9\U0001f600\\u00e9\\ud83d\\ude00" +
            std::string(static_cast<std::size_t>(i % 7), 'x') + "\", {\"k\": [true, -Infinity]}" +
            (i % 5 == 0 ? "\n" : " ");
  }
  text += "]";
  REQUIRE(text.size() > 8 * (std::size_t{1} << 18));
  auto const path = std::filesystem::temp_directory_path() /
                    ("fod-scanner-" + std::to_string(::getpid()) + ".json");
  std::ofstream(path, std::ios::binary) << text;
  bool const same = all_of(Scanner::of_file(path.string())) == all_of(Scanner::of_text(text));
  std::filesystem::remove(path);
  CHECK(same);
}

TEST_CASE("what cannot be read is named", "[json]") {
  CHECK_THROWS_WITH(Scanner::of_file("/nonexistent/x.json"),
                    Catch::Matchers::Contains("cannot open /nonexistent/x.json (No such file"));
  CHECK_THROWS_WITH(Scanner::of_file("/"), Catch::Matchers::Contains("Is a directory"));
}
