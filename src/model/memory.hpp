#pragma once

#include "fod/device.hpp"

#include <exception>
#include <string>

/// Inside of the model module: running out of memory.
namespace fod::torch_support {

/// True if a framework ran out of memory, of the device or the host. Frameworks pass each other's
/// errors on as text, so the text is what is looked at.
bool is_out_of_memory(std::exception const& error);

/// Gives what the allocators keep for later use back to the device.
void release_cached_memory(Device const& device);

/// "2.1 GB of 139.7 GB are free".
std::string memory_state(Device const& device);

} // namespace fod::torch_support
