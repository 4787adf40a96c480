#pragma once

#include <cstddef>
#include <string>

namespace fod {

/// `size` zeros, on large pages where the system has them: what is filled but once costs as much as
/// its page faults.
std::string large_bytes(std::size_t size);

} // namespace fod
