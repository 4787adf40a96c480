#include "fod/json.hpp"

#include "fod/error.hpp"
#include "fod/json_scanner.hpp"
#include "read_number.hpp"

#include <cerrno>
#include <charconv>
#include <clocale>
#include <cstdlib>
#include <limits>
#include <locale.h>
#include <unordered_set>

namespace fod::json {

namespace {

bool is_whole(std::string_view number) {
  return number.find_first_of(".eEN") == std::string_view::npos && !number.ends_with("y");
}

void append_canonical_number(std::string& out, std::string_view raw) {
  if (!is_whole(raw)) {
    append_number(out, to_double(raw));
  } else {
    out += raw == "-0" ? "0" : raw;
  }
}

/// Lays out one value, without recursion.
class Layouter {
public:
  explicit Layouter(Scanner& scanner) : scanner_(scanner) {}

  std::string run(Token token) {
    auto const outside = scanner_.depth() - (opens(token) ? 1 : 0);
    put(token);
    while (scanner_.depth() > outside) {
      put(scanner_.next());
    }
    return std::move(out_);
  }

private:
  static bool opens(Token token) {
    return token == Token::begin_object || token == Token::begin_array;
  }

  void put(Token token) {
    bool const closes = token == Token::end_object || token == Token::end_array;
    if (!closes && !first_ && !after_key_) {
      out_ += ", ";
    }
    append(token);
    first_ = opens(token);
    after_key_ = token == Token::key;
  }

  void append(Token token) {
    switch (token) {
    case Token::begin_object:
      keys_.emplace_back();
      out_ += '{';
      break;
    case Token::end_object:
      keys_.pop_back();
      out_ += '}';
      break;
    case Token::begin_array:
      out_ += '[';
      break;
    case Token::end_array:
      out_ += ']';
      break;
    case Token::key:
      append_key();
      break;
    case Token::string:
      append_string(out_, scanner_.text());
      break;
    case Token::number:
      append_canonical_number(out_, scanner_.text());
      break;
    default:
      out_ += scanner_.text();
    }
  }

  void append_key() {
    if (!keys_.back().insert(std::string(scanner_.text())).second) {
      refuse_repeated_key(scanner_);
    }
    append_string(out_, scanner_.text());
    out_ += ": ";
  }

  Scanner& scanner_;
  std::string out_;
  std::vector<std::unordered_set<std::string>> keys_; ///< of every open object
  bool first_ = true;
  bool after_key_ = false;
};

} // namespace

void refuse_repeated_key(Scanner const& scanner) {
  std::string key;
  append_string(key, scanner.text());
  scanner.refuse("the key " + key + " is there twice", "keep one of the two");
}

double to_double(std::string_view number) {
  if (number == "NaN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (number.ends_with("Infinity")) {
    auto const infinity = std::numeric_limits<double>::infinity();
    return number[0] == '-' ? -infinity : infinity;
  }
  double value = 0;
  auto const status = std::from_chars(number.data(), number.data() + number.size(), value).ec;
  if (status == std::errc::result_out_of_range) {
    // from_chars does not say on which side; strtod does, but heeds the locale unless told.
    static auto const plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
    return ::strtod_l(std::string(number).c_str(), nullptr, plain);
  }
  return number == "-0" ? 0.0 : value; // a whole number has no negative zero
}

double read_rare_number(std::string_view text) {
  return to_double(text);
}

std::string canonical_value(Scanner& scanner, Token first) {
  return Layouter(scanner).run(first);
}

std::string canonical(std::string_view text) {
  auto scanner = Scanner::of_text(text);
  auto out = canonical_value(scanner, scanner.next());
  scanner.next(); // nothing may follow
  return out;
}

Meta parse_meta(std::string_view text) {
  auto scanner = Scanner::of_text(text);
  if (scanner.next() != Token::begin_object) {
    throw bad_input("the metadata is no JSON object", "it starts otherwise than with `{`",
                    "give an object, such as {\"dataset\": \"CIFAR\"}");
  }
  Meta meta;
  std::unordered_set<std::string> keys;
  for (auto token = scanner.next(); token == Token::key; token = scanner.next()) {
    std::string key(scanner.text());
    if (!keys.insert(key).second) {
      refuse_repeated_key(scanner);
    }
    auto const first = scanner.next();
    meta.push_back({std::move(key), canonical_value(scanner, first)});
  }
  scanner.next();
  return meta;
}

std::string to_text(Meta const& meta) {
  std::string text = "{";
  for (auto const& entry : meta) {
    text += text.size() > 1 ? ", " : "";
    append_string(text, entry.key);
    text += ": " + entry.value;
  }
  return text + "}";
}

void set(Meta& meta, std::string const& key, std::string value) {
  for (auto& entry : meta) {
    if (entry.key == key) {
      entry.value = std::move(value);
      return;
    }
  }
  meta.push_back({key, std::move(value)});
}

} // namespace fod::json
