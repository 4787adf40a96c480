#pragma once

#include "fod/events.hpp"

namespace fod::events {

/// Events as bytes, for other ranks.
std::string bytes_of(std::span<Event const> events);
/// The reverse. @throws Error (failed) if they are no whole number of events
std::vector<Event> events_of(std::string_view bytes);

} // namespace fod::events
