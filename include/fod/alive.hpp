#pragma once

#include <cstdint>

/// A word to whoever watches that this process goes on (`Monitor`).
namespace fod {

/// Says that work went on. Cheap, from any thread. The loop says so after each batch; a step that
/// may take longer than the user's --stall-timeout has to say so itself, piece by piece.
void note_progress();

/// How often that was said.
std::uint64_t progress_noted();

} // namespace fod
