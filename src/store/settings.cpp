#include "fod/settings.hpp"

#include <algorithm>

namespace fod::store {

std::string range_text(IndexRange range) {
  return std::to_string(range.begin) + ":" + std::to_string(range.end);
}

std::vector<std::string> to_lines(Settings const& settings) {
  std::vector<std::string> lines;
  for (auto const& [name, value] : settings) {
    lines.push_back(name + "=" + value);
  }
  return lines;
}

Settings from_lines(std::vector<std::string> const& lines) {
  Settings settings;
  for (auto const& line : lines) {
    auto const equals = std::min(line.find('='), line.size());
    settings.emplace_back(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
  }
  return settings;
}

Settings read_settings(h5::File const& file) {
  constexpr char const* path = "/provenance/settings";
  return file.contains(path) ? from_lines(file.read_texts(path)) : Settings();
}

std::optional<std::string> find(Settings const& settings, std::string const& name) {
  auto const found = std::find_if(settings.begin(), settings.end(),
                                  [&](auto const& entry) { return entry.first == name; });
  return found == settings.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Difference> difference(Settings const& first, Settings const& second) {
  auto const text = [](std::optional<std::string> const& value) {
    return value && !value->empty() ? *value : std::string("not given");
  };
  for (auto const& [name, value] : first) {
    if (auto const other = find(second, name); other != value) {
      return Difference{name, text(value), text(other)};
    }
  }
  for (auto const& [name, value] : second) {
    if (!find(first, name)) {
      return Difference{name, text(std::nullopt), text(value)};
    }
  }
  return std::nullopt;
}

} // namespace fod::store
