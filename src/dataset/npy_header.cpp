#include "npy_header.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

namespace fod {

namespace {

constexpr std::size_t magic_size = 6;
constexpr std::size_t max_rank = 64; // NumPy's own limit

[[noreturn]] void throw_damaged(std::string const& path, std::string const& why) {
  throw bad_input(path + " has a damaged .npy header", why, "write it again with numpy.save");
}

std::uint64_t little_endian(std::span<std::byte const> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  }
  return value;
}

/// Reads the dictionary literal of a header from left to right.
class HeaderParser {
public:
  HeaderParser(std::string const& path, std::string_view text) : path_(path), rest_(text) {}

  NpyHeader parse() {
    expect('{');
    while (!take('}')) {
      parse_entry();
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!rest_.empty()) {
      fail("there is text after its end");
    }
    for (auto const& [seen, key] :
         {std::pair{has_descr_, "descr"}, {has_order_, "fortran_order"}, {has_shape_, "shape"}}) {
      if (!seen) {
        fail(std::string("it has no '") + key + "'");
      }
    }
    return header_;
  }

private:
  [[noreturn]] void fail(std::string const& why) const { throw_damaged(path_, why); }

  void skip_space() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
  }
  bool take(char symbol) {
    skip_space();
    bool const there = rest_.starts_with(symbol);
    rest_.remove_prefix(there ? 1 : 0);
    return there;
  }
  void expect(char symbol) {
    if (!take(symbol)) {
      fail(std::string("expected '") + symbol + "' before '" + quoted_part(rest_) + "'");
    }
  }
  bool take_word(std::string_view word) {
    skip_space();
    bool const there = rest_.starts_with(word);
    rest_.remove_prefix(there ? word.size() : 0);
    return there;
  }

  /// A string without escapes: NumPy writes none in the keys and types that are taken here.
  std::string_view parse_string() {
    skip_space();
    char const quote = rest_.empty() ? '\0' : rest_.front();
    auto const end = quote == '\'' || quote == '"' ? rest_.find(quote, 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
      fail("expected a string before '" + quoted_part(rest_) + "'");
    }
    auto const text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }

  void once(bool& seen, std::string_view key) const {
    if (std::exchange(seen, true)) {
      fail("it has '" + std::string(key) + "' twice");
    }
  }

  void parse_entry() {
    auto const key = parse_string();
    expect(':');
    if (key == "descr") {
      once(has_descr_, key);
      parse_descr();
    } else if (key == "fortran_order") {
      once(has_order_, key);
      header_.fortran_order = take_word("True");
      if (!header_.fortran_order && !take_word("False")) {
        fail("'fortran_order' is neither True nor False");
      }
    } else if (key == "shape") {
      once(has_shape_, key);
      parse_shape();
    } else {
      fail("it has an unknown entry '" + quoted_part(key) + "'");
    }
  }

  void parse_descr() {
    skip_space();
    if (rest_.starts_with('[') || rest_.starts_with('(')) {
      throw bad_input(path_ + " holds structured elements",
                      "its dtype is " + quoted_part(rest_.substr(0, rest_.find(']') + 1)),
                      "save each field as a file of its own, numpy.save('x.npy', a['field'])");
    }
    header_.descr = parse_string();
  }

  void parse_shape() {
    expect('(');
    bool comma = true;
    while (!take(')')) {
      if (!comma) {
        fail("'shape' is malformed before '" + quoted_part(rest_) + "'");
      }
      header_.shape.push_back(parse_extent());
      comma = take(',');
    }
    if (header_.shape.size() == 1 && !comma) {
      fail("'shape' is no tuple");
    }
  }

  std::int64_t parse_extent() {
    if (header_.shape.size() == max_rank) {
      fail("'shape' has more than " + std::to_string(max_rank) + " dimensions");
    }
    skip_space();
    std::int64_t extent = 0;
    auto const [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
    if (error != std::errc{} || extent < 0) {
      fail("'shape' has an extent that is no count: '" +
           quoted_part(rest_.substr(0, rest_.find_first_of(",)"))) + "'");
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    if (rest_.starts_with('L')) {
      rest_.remove_prefix(1); // as Python 2 wrote some
    }
    return extent;
  }

  std::string const& path_;
  std::string_view rest_;
  NpyHeader header_;
  bool has_descr_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

} // namespace

std::string quoted_part(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string part(text.substr(0, longest));
  std::replace_if(
      part.begin(), part.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text.size() > longest ? part + "..." : part;
}

NpyHeader parse_npy_header(std::string const& path, std::span<std::byte const> bytes) {
  auto const version = bytes.size() > magic_size ? std::to_integer<int>(bytes[magic_size]) : 1;
  if (version < 1 || version > 3) {
    throw bad_input(path + " is of .npy version " + std::to_string(version),
                    "versions 1 to 3 are known", "write it again with numpy.save");
  }
  std::size_t const length_begin = magic_size + 2;
  std::size_t const begin = length_begin + (version == 1 ? 2 : 4);
  auto const length =
      bytes.size() < begin ? 0 : little_endian(bytes.subspan(length_begin, begin - length_begin));
  if (bytes.size() < begin || length > bytes.size() - begin) {
    throw bad_input(path + " is truncated",
                    "its header ends at byte " + std::to_string(begin + length) +
                        ", the file has " + std::to_string(bytes.size()),
                    "copy or write it again");
  }
  auto const text = bytes.subspan(begin, length);
  auto header =
      HeaderParser(path, {reinterpret_cast<char const*>(text.data()), text.size()}).parse();
  header.data_offset = begin + length;
  return header;
}

} // namespace fod
