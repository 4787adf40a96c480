#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fod::events {

/// The words of a text in UTF-8, ASCII letters in lower case. Words are made of ASCII letters,
/// digits and '_' and of all else that is neither space nor mark nor symbol in Unicode's blocks for
/// those. Bytes that are no UTF-8 are taken as letters.
std::vector<std::string> words_of(std::string_view text);

} // namespace fod::events
