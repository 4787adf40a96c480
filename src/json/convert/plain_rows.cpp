#include "plain_rows.hpp"

#include "../read_number.hpp"

namespace fod::json {

namespace {

char const* skip_space(char const* at) {
  while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') {
    ++at;
  }
  return at;
}

/// Behind `c` and whitespace on both sides; null if something else comes.
char const* take(char const* at, char c) {
  at = skip_space(at);
  return *at == c ? skip_space(at + 1) : nullptr;
}

} // namespace

PlainRows::PlainRows(std::string_view text, std::int64_t classes)
    : begin_(text.data()), taken_(begin_), end_(begin_ + text.size()),
      values_(static_cast<std::size_t>(classes)) {}

bool PlainRows::next() {
  auto const* at = take(taken_, ',');
  at = at == nullptr ? nullptr : read_key(at);
  at = at == nullptr ? nullptr : take(at, ':');
  at = at == nullptr ? nullptr : read_values(at);
  if (at == nullptr || at > end_) {
    return false;
  }
  taken_ = at;
  return true;
}

/// A sample id: no zeros in front, and few enough digits to be one.
char const* PlainRows::read_key(char const* at) {
  constexpr std::ptrdiff_t most_digits = 18;
  if (*at++ != '"') {
    return nullptr;
  }
  auto const* const first = at;
  std::uint64_t id = 0;
  for (; '0' <= *at && *at <= '9'; ++at) {
    id = id * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  auto const digits = at - first;
  bool const canonical = 0 < digits && digits <= most_digits && (*first != '0' || digits == 1);
  id_ = static_cast<std::int64_t>(id);
  return canonical && *at == '"' ? at + 1 : nullptr;
}

/// A list of as many numbers as there are classes.
char const* PlainRows::read_values(char const* at) {
  if (*at != '[') {
    return nullptr;
  }
  ++at;
  for (auto& value : values_) {
    at = skip_space(at);
    auto const number = read_number(at);
    if (number.end == nullptr) {
      return nullptr;
    }
    value = number.value;
    at = skip_space(number.end);
    if (*at != ',') {
      bool const complete = &value == &values_.back() && *at == ']';
      return complete ? at + 1 : nullptr;
    }
    ++at;
  }
  return nullptr; // a comma behind the last one
}

} // namespace fod::json
