#include "flags.hpp"

#include "fod/error.hpp"

#include <limits>

namespace fod {

namespace {

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

std::int64_t parse_batch_size(std::string const& text) {
  constexpr std::int64_t most = std::int64_t{1} << 24;
  std::int64_t value = 0;
  if (text == "auto") {
    return value;
  }
  if (!parse_number(text, value) || value < 1 || value > most) {
    throw bad_input("cannot read --batch-size " + text,
                    "it is a number from 1 to " + std::to_string(most) + ", or auto",
                    "write --batch-size 64 or --batch-size auto");
  }
  return value;
}

Arguments parse_arguments(std::vector<std::string> const& inputs) {
  Arguments arguments;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].starts_with('=')) {
      arguments.fields.push_back(inputs[i]);
      continue;
    }
    auto const text = inputs[i].substr(1);
    std::int64_t whole = 0;
    Arguments::Constant constant{i, 0, parse_number(text, whole)};
    constant.value = static_cast<double>(whole);
    if (!constant.whole && !parse_number(text, constant.value)) {
      throw bad_input("cannot read --input " + inputs[i], "'" + text + "' is no number",
                      "write =16000 or =0.5 for a constant argument, or the name of a field");
    }
    arguments.constants.push_back(constant);
  }
  if (arguments.fields.empty() && !inputs.empty()) {
    throw bad_input("--input names no field", "there are constants alone",
                    "name the fields as well, in the model's order: --input data,=16000");
  }
  return arguments;
}

std::map<std::string, OutputMode> const& output_modes() {
  static std::map<std::string, OutputMode> const modes{{"auto", OutputMode::automatic},
                                                       {"logits", OutputMode::logits},
                                                       {"probs", OutputMode::probs},
                                                       {"sigmoid", OutputMode::sigmoid},
                                                       {"positive", OutputMode::positive}};
  return modes;
}

OutputMode parse_output_mode(std::string const& text) {
  auto const found = output_modes().find(text);
  if (found == output_modes().end()) {
    throw bad_input("unknown output mode '" + text + "'", "",
                    "give one of auto, logits, probs, sigmoid, positive");
  }
  return found->second;
}

IndexRange parse_range(std::string const& text) {
  auto const colon = text.find(':');
  IndexRange range{0, std::numeric_limits<std::int64_t>::max()};
  auto const part = [&](std::size_t begin, std::size_t count, std::int64_t& value) {
    auto const digits = text.substr(begin, count);
    return digits.empty() || (parse_number(digits, value) && value >= 0);
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
  bool const whole = parse_number(text.substr(0, between), size.height) &&
                     (one || parse_number(text.substr(between + 1), size.width));
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
    if (target == nullptr || !parse_number(part, value)) {
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
