#pragma once

#include "fod/config.hpp"
#include "fod/settings.hpp"

#include <string>

/// What is asked of the groups as settings of a file, exactly: what a job writes a merge does.
namespace fod {

/// A number in digits that give it back.
std::string exact(double value);

/// Appends what decides which groups are found and what is said of them.
void put_group_settings(store::Settings& settings, LayerRequest const& asked);

/// The same from the settings of a file; without layers if that has none.
/// @throws Error (usage) naming a setting that cannot be read
LayerRequest group_request(store::Settings const& settings);

} // namespace fod
