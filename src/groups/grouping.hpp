#pragma once

#include "fod/groups.hpp"

namespace fod::groups {

/// Sorts groups (with their hubs) by size, largest first, then first member, and lists the rest.
/// @param n number of neurons
void finish(Grouping& grouping, std::int64_t n);

/// Greedy stars around hubs, see find_groups().
Grouping correlation_clustering(MatrixView r, Options const& options, Engine& engine);

} // namespace fod::groups
