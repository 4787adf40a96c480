#pragma once

#include "fod/h5.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fod::store {

/// What fixes the bytes of a result beside the place of its samples: model, data, flags, decisions,
/// each with a name that a user knows. Jobs that go on with a file, and files that are merged, must
/// agree in all of them.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// The one in which files that are merged differ: the samples that the file holds.
inline constexpr char const* range_setting = "--range";

/// From this one on they tell of groups and of what is kept, which changes no row.
inline constexpr char const* first_beyond_rows = "--layers";

/// "name=value" of each, as /provenance/settings holds them.
std::vector<std::string> to_lines(Settings const& settings);
Settings from_lines(std::vector<std::string> const& lines);
/// Those of a file; none if it does not say (an imported one).
Settings read_settings(h5::File const& file);

/// The value of one of them.
std::optional<std::string> find(Settings const& settings, std::string const& name);

/// The first in which two differ.
struct Difference {
  std::string name;
  std::string first;
  std::string second;
};
std::optional<Difference> difference(Settings const& first, Settings const& second);

} // namespace fod::store
