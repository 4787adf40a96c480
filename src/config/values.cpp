#include "fod/config.hpp"

#include "fod/error.hpp"

#include <charconv>
#include <limits>

namespace fod {

namespace {

template <class Number>
bool parse_whole(std::string const& text, Number& value) {
  auto const* end = text.data() + text.size();
  auto const result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

Error bad_normalization(std::string const& text, std::string const& why) {
  return bad_input("cannot read --normalize " + text, why,
                   "write it as mean=0.5,std=0.25, or with a value per channel as "
                   "mean=0.4,0.5,0.6,std=0.2,0.2,0.2");
}

std::vector<std::string> split(std::string const& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    auto const end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

} // namespace

IndexRange parse_range(std::string const& text) {
  auto const colon = text.find(':');
  IndexRange range{0, std::numeric_limits<std::int64_t>::max()};
  auto const part = [&](std::size_t begin, std::size_t count, std::int64_t& value) {
    auto const digits = text.substr(begin, count);
    return digits.empty() || (parse_whole(digits, value) && value >= 0);
  };
  bool const readable = colon != std::string::npos && part(0, colon, range.begin) &&
                        part(colon + 1, std::string::npos, range.end);
  if (!readable || range.begin > range.end) {
    throw bad_input("cannot read --range " + text, "it is not a:b with 0 <= a <= b",
                    "write it as 0:500000; either side may be left out");
  }
  return range;
}

ImageResize parse_resize(std::string const& text) {
  constexpr std::int64_t most = 65535;
  auto const between = text.find_first_of("x,");
  ImageSize size;
  bool const one = between == std::string::npos;
  bool const whole = parse_whole(text.substr(0, between), size.height) &&
                     (one || parse_whole(text.substr(between + 1), size.width));
  if (!whole || size.height < 1 || size.height > most || (!one && size.width < 1) ||
      size.width > most) {
    throw bad_input("cannot read --resize " + text,
                    "it is neither the length of the shorter side nor height and width, 1 to " +
                        std::to_string(most),
                    "write it as 256, or as 224x320");
  }
  return one ? ImageResize{size.height, {}} : ImageResize{0, size};
}

Normalization parse_normalization(std::string const& text) {
  Normalization result;
  auto rest = text;
  if (auto const colon = text.find(':'); colon != std::string::npos) {
    result.field = text.substr(0, colon);
    rest = text.substr(colon + 1);
  }
  std::vector<double>* target = nullptr;
  for (auto part : split(rest, ',')) {
    if (part.rfind("mean=", 0) == 0) {
      target = &result.mean;
      part = part.substr(5);
    } else if (part.rfind("std=", 0) == 0) {
      target = &result.std;
      part = part.substr(4);
    }
    double value = 0;
    if (target == nullptr || !parse_whole(part, value)) {
      throw bad_normalization(text, "'" + part + "' is no number");
    }
    target->push_back(value);
  }
  if (result.mean.empty() || result.std.size() != result.mean.size()) {
    throw bad_normalization(text, std::to_string(result.mean.size()) + " means for " +
                                      std::to_string(result.std.size()) + " deviations");
  }
  for (auto const deviation : result.std) {
    if (!(deviation > 0)) {
      throw bad_normalization(text, "a standard deviation is not above 0");
    }
  }
  return result;
}

} // namespace fod
