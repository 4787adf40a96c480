#include "fod/json_scanner.hpp"

#include "fod/error.hpp"

#include <array>
#include <cerrno>
#include <utility>

namespace fod::json {

namespace {

constexpr std::size_t window_bytes = std::size_t{1} << 18;

bool is_space(int c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// How messages call a byte that came.
std::string spoken(int c) {
  if (c < 0) {
    return "the end of the text";
  }
  if (0x20 < c && c < 0x7f) {
    return std::string("`") + static_cast<char>(c) + "`";
  }
  constexpr std::string_view hex = "0123456789abcdef";
  auto const byte = static_cast<std::size_t>(c);
  return std::string("byte 0x") + hex[byte / 16] + hex[byte % 16];
}

} // namespace

std::string to_string(Position position) {
  return "line " + std::to_string(position.line) + ", column " + std::to_string(position.column);
}

Scanner::Scanner(std::string name, std::unique_ptr<std::FILE, Close> file, std::string_view text)
    : name_(std::move(name)), file_(std::move(file)), buffer_(file_ ? window_bytes : 0),
      begin_(file_ ? buffer_.data() : text.data()), next_(begin_),
      end_(file_ ? begin_ : begin_ + text.size()) {
  refuse_encodings();
}

Scanner Scanner::of_text(std::string_view text, std::string name) {
  return {std::move(name), nullptr, text};
}

Scanner Scanner::of_file(std::string const& path) {
  std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) {
    throw bad_input("cannot open " + path, errno_text(), "check the path and its rights");
  }
  return {path, std::move(file), {}};
}

bool Scanner::refill() {
  if (!file_) {
    return false;
  }
  offset_ += end_ - begin_;
  auto const count = std::fread(buffer_.data(), 1, buffer_.size(), file_.get());
  if (count == 0 && std::ferror(file_.get()) != 0) {
    throw bad_input("cannot read " + name_, errno_text(), "check that it is a file and healthy");
  }
  begin_ = next_ = buffer_.data();
  end_ = begin_ + count;
  return count > 0;
}

void Scanner::go_on_at(Place const& place) {
  if (std::fseek(file_.get(), place.offset, SEEK_SET) != 0) {
    throw bad_input("cannot read " + name_, errno_text(), "check that it is a file and healthy");
  }
  begin_ = next_ = end_ = buffer_.data();
  offset_ = place.offset;
  line_ = place.line;
  line_start_ = place.line_start;
}

int Scanner::peek() {
  if (next_ == end_ && !refill()) {
    return -1;
  }
  return static_cast<unsigned char>(*next_);
}

Position Scanner::here() const {
  return {line_, offset_ + (next_ - begin_) - line_start_ + 1};
}

void Scanner::refuse(std::string const& why, std::string const& remedy) const {
  throw bad_input("cannot read " + name_, to_string(start_) + ": " + why,
                  remedy.empty() ? "correct it there" : remedy);
}

void Scanner::unexpected(std::string const& expected) {
  int const c = peek();
  start_ = here();
  refuse(expected + " was expected, " + spoken(c) + " came",
         c < 0 ? "it was cut short, or is empty: make it again" : "");
}

void Scanner::refuse_encodings() {
  int const first = peek();
  auto const starts_with = [&](std::string_view mark) {
    return std::string_view(begin_, static_cast<std::size_t>(end_ - begin_)).starts_with(mark);
  };
  if (first == 0xef && starts_with("\xef\xbb\xbf")) {
    refuse("it starts with a byte order mark", "save it as UTF-8 without one");
  }
  if (starts_with("\xff\xfe") || starts_with("\xfe\xff")) {
    refuse("it looks like UTF-16", "save it as UTF-8");
  }
  if (starts_with("\x1f\x8b")) {
    refuse("it is compressed by gzip", "unpack it first, with gunzip");
  }
  if (starts_with("\x89HDF")) {
    refuse("it is an HDF5 file, no JSON", "give the JSON file");
  }
}

void Scanner::skip_space() {
  for (int c = peek(); is_space(c); c = peek()) {
    advance();
    if (c == '\n') {
      ++line_;
      line_start_ = offset_ + (next_ - begin_);
    }
  }
}

bool Scanner::may_close(int bracket) const {
  if (bracket == '}') {
    return !open_.empty() && in_object() &&
           (state_ == State::first_key || state_ == State::after_value);
  }
  return bracket == ']' && !open_.empty() && !in_object() &&
         (state_ == State::first_value || state_ == State::after_value);
}

Token Scanner::next() {
  skip_space();
  if (state_ == State::after_value && peek() == ',') {
    advance();
    state_ = in_object() ? State::key : State::value;
    skip_space();
  }
  start_ = here();
  if (may_close(peek())) {
    return close();
  }
  switch (state_) {
  case State::first_key:
  case State::key:
    return scan_key();
  case State::first_value:
  case State::value:
    return scan_value();
  case State::after_value:
    unexpected(in_object() ? "`,` or `}`" : "`,` or `]`");
  case State::done:
    break;
  }
  if (peek() >= 0) {
    unexpected("the end of the text");
  }
  return Token::end;
}

void Scanner::skip(Token first) {
  if (first != Token::begin_object && first != Token::begin_array) {
    return;
  }
  for (auto const outside = depth() - 1; depth() > outside;) {
    next();
  }
}

Token Scanner::open(char bracket) {
  if (open_.size() == deepest) {
    refuse("more than " + std::to_string(deepest) + " brackets are open");
  }
  advance();
  open_ += bracket;
  state_ = bracket == '{' ? State::first_key : State::first_value;
  return bracket == '{' ? Token::begin_object : Token::begin_array;
}

Token Scanner::close() {
  auto const token = in_object() ? Token::end_object : Token::end_array;
  advance();
  open_.pop_back();
  return scalar(token);
}

Token Scanner::scalar(Token token) {
  state_ = open_.empty() ? State::done : State::after_value;
  return token;
}

Token Scanner::scan_key() {
  if (peek() != '"') {
    unexpected(state_ == State::key ? "a key in double quotes" : "a key in double quotes, or `}`,");
  }
  scan_string();
  skip_space();
  if (peek() != ':') {
    unexpected("`:` after a key");
  }
  advance();
  state_ = State::value;
  return Token::key;
}

} // namespace fod::json
