#pragma once

#include <string>
#include <string_view>

namespace fod {

/// SHA-256 of bytes, as 64 lower-case hexadecimal digits, by OpenSSL.
std::string sha256_of(std::string_view bytes);

} // namespace fod
