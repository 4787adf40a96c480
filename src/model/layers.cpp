#include "fod/layers.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <string_view>

namespace fod {

namespace {

constexpr auto const* remedy = "--list-layers shows them";

bool is_glob(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

/// Models inside of DataParallel have it before all names.
std::string without_module(std::string const& name) {
  constexpr std::string_view prefix = "module.";
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

/// Length of a set such as "[a-c]" or "[!a-c]" at the pattern's begin; 0 if it is not closed.
std::size_t set_length(std::string_view pattern) {
  auto const first = pattern.starts_with("[!") ? 3U : 2U; // a ']' there is a member
  auto const end = pattern.find(']', first);
  return end == std::string_view::npos ? 0 : end + 1;
}

bool in_set(std::string_view set, char letter) {
  bool const negated = set.starts_with("[!");
  auto const members = set.substr(negated ? 2 : 1, set.size() - (negated ? 3 : 2));
  for (std::size_t i = 0; i < members.size(); ++i) {
    bool const range = i + 2 < members.size() && members[i + 1] == '-';
    if (letter >= members[i] && letter <= members[range ? i + 2 : i]) {
      return !negated;
    }
    i += range ? 2 : 0;
  }
  return negated;
}

/// How much of the pattern stands for the letter; 0 if it does not.
std::size_t step(std::string_view pattern, char letter) {
  if (pattern.starts_with('[')) {
    if (auto const length = set_length(pattern); length > 0) {
      return in_set(pattern.substr(0, length), letter) ? length : 0;
    }
  }
  return pattern.starts_with('?') || pattern.starts_with(letter) ? 1 : 0;
}

bool matches(std::string_view pattern, std::string_view text) {
  auto star = std::string_view::npos; // after the last one
  std::size_t at = 0;
  std::size_t resume = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = ++at;
      resume = i;
    } else if (auto const length = step(pattern.substr(at), text[i]); length > 0) {
      at += length;
      ++i;
    } else if (star != std::string_view::npos) { // the star takes one letter more
      at = star;
      i = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

bool has_name(Layer const& layer, std::string const& pattern) {
  auto const fits = [&](std::string const& name) {
    auto const bare = without_module(name);
    return is_glob(pattern) ? matches(pattern, bare) || matches(pattern, name) : bare == pattern;
  };
  return fits(layer.name) || std::any_of(layer.aliases.begin(), layer.aliases.end(), fits);
}

Error no_layer(std::vector<Layer> const& layers, std::string const& pattern) {
  if (is_glob(pattern)) {
    return bad_input("no layer's name fits '" + pattern + "'", "", remedy);
  }
  auto const module = pattern.substr(0, pattern.rfind('#'));
  std::vector<std::string> names;
  for (auto const& layer : layers) {
    if (module != pattern && layer.tappable() && has_name(layer, module)) {
      return bad_input("the model has no layer '" + pattern + "'",
                       "'" + module + "' is called " + counted(layer.calls, "time") +
                           " in a forward; the first call has no number, the second #1",
                       remedy);
    }
    names.push_back(without_module(layer.name));
  }
  auto const near = nearest_name(pattern, names);
  return bad_input("the model has no layer '" + pattern + "'",
                   near.empty() ? "" : "did you mean '" + near + "'?", remedy);
}

} // namespace

std::vector<Layer> choose_layers(std::vector<Layer> const& layers,
                                 std::vector<std::string> const& patterns) {
  std::vector<bool> chosen(layers.size(), false);
  for (auto const& given : patterns) {
    auto const pattern = without_module(given);
    Layer const* refused = nullptr;
    bool found = false;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (has_name(layers[i], pattern)) {
        chosen[i] = chosen[i] || layers[i].tappable();
        found = found || layers[i].tappable();
        refused = layers[i].tappable() ? refused : &layers[i];
      }
    }
    if (!found && refused != nullptr) {
      throw bad_input("layer '" + refused->name + "' cannot be tapped", refused->problem, remedy);
    }
    if (!found) {
      throw no_layer(layers, pattern);
    }
  }
  std::vector<Layer> all;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (chosen[i]) {
      all.push_back(layers[i]);
    }
  }
  return all;
}

} // namespace fod
