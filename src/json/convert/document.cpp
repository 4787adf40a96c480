#include "document.hpp"

#include "read_ahead.hpp"

#include "fod/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

namespace fod::json {

namespace {

/// How far a row's sum may be from 1, and a probability below 0, as for results of the job.
constexpr double tolerance = 1e-4;

std::string spoken(Token token) {
  switch (token) {
  case Token::begin_object:
    return "an object";
  case Token::begin_array:
    return "a list";
  case Token::string:
    return "a string";
  case Token::number:
    return "a number";
  case Token::boolean:
    return "a boolean";
  default:
    return "null";
  }
}

std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string out;
  append_string(out, text);
  return out.size() <= longest ? out : "a key of " + std::to_string(text.size()) + " bytes";
}

/// A sample id: digits alone, without leading zeros, as Python's `str` writes it.
std::optional<std::int64_t> sample_id(std::string_view key) {
  std::int64_t id = 0;
  auto const* const end = key.data() + key.size();
  auto const [stop, status] = std::from_chars(key.data(), end, id);
  bool const whole = !key.empty() && stop == end && status == std::errc();
  bool const canonical = whole && id >= 0 && key[0] != '-' && (key[0] != '0' || key.size() == 1);
  bool const has_successor = id < std::numeric_limits<std::int64_t>::max();
  return canonical && has_successor ? std::optional(id) : std::nullopt;
}

bool is_negative(double value) {
  return value < -tolerance;
}

std::string short_number(double value) {
  std::string text;
  append_number(text, value);
  return text;
}

} // namespace

Fault fault_of(std::span<double const> values) {
  double sum = 0;
  double least = 0;
  for (auto const value : values) {
    sum += value;
    least = std::min(least, value);
  }
  if (std::abs(sum - 1) <= tolerance && least >= -tolerance) {
    return Fault::none; // what is not finite makes the sum so
  }
  auto const finite = [](double value) { return std::isfinite(value); };
  if (!std::all_of(values.begin(), values.end(), finite)) {
    return Fault::not_finite;
  }
  return least < -tolerance ? Fault::negative : Fault::sum;
}

void Document::walk() {
  if (auto const token = scanner_.next(); token != Token::begin_object) {
    scanner_.refuse("an object was expected, " + spoken(token) + " came",
                    "give {\"meta\": {...}, \"distributions\": {\"0\": [...], ...}}");
  }
  bool has_meta = false;
  bool has_distributions = false;
  for (auto token = scanner_.next(); token == Token::key; token = scanner_.next()) {
    std::string const key(scanner_.text());
    bool& has = key == "meta" ? has_meta : has_distributions;
    bool const known = key == "meta" || key == "distributions";
    if (known && has) {
      refuse_repeated_key(scanner_);
    }
    auto const first = scanner_.next();
    if (!known) {
      scanner_.skip(first);
      continue;
    }
    has = true;
    key == "meta" ? walk_meta(first) : walk_distributions(first);
  }
  scanner_.next(); // nothing may follow
  if (!has_distributions) {
    scanner_.refuse("the key \"distributions\" is missing",
                    "give {\"meta\": {...}, \"distributions\": {\"0\": [...], ...}}");
  }
}

void Document::walk_meta(Token first) {
  if (first == Token::begin_object) {
    meta_ = canonical_value(scanner_, first);
    return;
  }
  on_finding("meta (" + to_string(scanner_.where()) + "): " + spoken(first) +
             " where an object was expected");
  scanner_.skip(first);
}

void Document::walk_distributions(Token first) {
  if (first != Token::begin_object) {
    scanner_.refuse("\"distributions\" is " + spoken(first) + " where an object was expected",
                    "give {\"0\": [...], \"1\": [...], ...} with the sample ids as keys");
  }
  for (auto token = scanner_.next(); token == Token::key; token = scanner_.next()) {
    row_begin_ = scanner_.place().offset;
    walk_row(std::string(scanner_.text()), scanner_.where());
    if (classes_ > 0 && scanner_.place().offset >= one_by_one_until_) {
      read_rows_ahead();
    }
  }
}

void Document::read_rows_ahead() {
  auto const from = scanner_.place();
  AheadOptions const options{ahead_threads_, classes_, from.offset - row_begin_, on_progress};
  auto const ahead = read_ahead(path_, from, options, seen_, on_batch);
  scanner_.go_on_at(ahead.place);
  one_by_one_until_ = ahead.slice_end;
  // Where odd rows are everywhere, most of what is read ahead is in vain.
  ahead_threads_ = static_cast<int>(std::clamp<std::int64_t>(2 * ahead.slices, 1, threads_));
}

void Document::walk_row(std::string const& key, Position where) {
  auto const id = sample_id(key);
  auto const report = [&](std::string const& what) {
    on_finding("sample " + (id ? key : quoted(key)) + " (" + to_string(where) + "): " + what);
  };
  auto what = read_values();
  if (!id) {
    what = "its key is no sample id: digits alone, without leading zeros, were expected";
  } else if (!seen_.insert(*id)) {
    what = "its key is there twice: the first one counts";
  }
  if (!what.empty()) {
    ++skipped_;
    report(what);
    return;
  }
  classes_ = static_cast<std::int64_t>(values_.size());
  bool const finite =
      std::all_of(values_.begin(), values_.end(), [](double v) { return std::isfinite(v); });
  if (auto const fault = judge(); !fault.empty()) {
    report(fault);
  }
  on_row({*id, values_, finite});
}

std::string Document::read_values() {
  auto const first = scanner_.next();
  if (first != Token::begin_array) {
    scanner_.skip(first);
    return spoken(first) + " where a list of numbers was expected";
  }
  values_.clear();
  std::string fault;
  std::int64_t count = 0;
  for (auto token = scanner_.next(); token != Token::end_array; token = scanner_.next(), ++count) {
    if (token == Token::number) {
      values_.push_back(to_double(scanner_.text()));
      continue;
    }
    if (fault.empty()) {
      fault = "entry " + std::to_string(count) + " is " + spoken(token) + " and no number";
    }
    scanner_.skip(token);
  }
  if (fault.empty() && count == 0) {
    return "it has no values";
  }
  if (fault.empty() && classes_ > 0 && count != classes_) {
    return std::to_string(count) + " values where the first row has " + std::to_string(classes_);
  }
  return fault;
}

std::string Document::judge() const {
  switch (fault_of(values_)) {
  case Fault::not_finite:
    return "a value is not finite";
  case Fault::negative: {
    auto const first = std::find_if(values_.begin(), values_.end(), is_negative);
    return "the value " + short_number(*first) + " is negative";
  }
  case Fault::sum: {
    double const sum = std::accumulate(values_.begin(), values_.end(), 0.0);
    return "the sum is " + short_number(sum) + " where 1 was expected";
  }
  case Fault::none:
    break;
  }
  return {};
}

} // namespace fod::json
