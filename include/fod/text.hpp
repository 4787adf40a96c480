#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fod {

/// "a, b, c".
std::string joined(std::vector<std::string> const& texts);
/// "1,234,567".
std::string grouped(std::int64_t number);
/// "1 sample", "1,797 samples", "3 classes".
std::string counted(std::int64_t number, std::string_view noun);
/// "12 s", "3 min 5 s", "2 h 10 min".
std::string duration(double seconds);
/// "12.3 MB", in powers of 1,000.
std::string byte_size(std::int64_t bytes);

} // namespace fod
