#pragma once

#include <string_view>

namespace fod {

/// The version of these programs, "0.1.0".
std::string_view version();

} // namespace fod
