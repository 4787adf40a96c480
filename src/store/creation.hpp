#pragma once

#include "layout.hpp"

#include <functional>
#include <string>

/// Inside of the store module: how a result file comes to be, and how it gets its final name.
namespace fod::store {

/// Writes the whole file but its rows and reserves its space; only then does it get its partial
/// name. What an earlier job left under it, and beside it, goes.
/// @throws Error (usage)
void create_partial(std::string const& path, Layout const& layout, Contents const& contents);

/// Adds the sections of a second ledger to a partial file.
/// @throws Error (failed)
void add_ledger(std::string const& path, Layout const& layout, Ledger const& ledger);

/// Changes the metadata of the partial file of `path` by `change`: all of it, or nothing once an
/// `OutputClaim` has looked at the file again. @throws Error (failed)
void change_metadata(std::string const& path, std::function<void(h5::File&)> const& change);

/// Removes what was kept beside the partial file.
void remove_state(std::string const& path);

} // namespace fod::store
