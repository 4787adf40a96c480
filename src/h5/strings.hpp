#pragma once

#include "library.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace fod::h5 {

/// Bytes that `count` strings take where they are read into, without what variable ones point to.
inline double bytes_of_strings(hid_t stored, hssize_t count) {
  return static_cast<double>(H5Tget_size(stored)) * static_cast<double>(count);
}

/// Reads `count` strings, of fixed or variable length, through `read(memory_type, buffer)`.
template <class Read>
std::vector<std::string> read_strings(hid_t stored, hid_t space, std::size_t count, Read read,
                                      std::string const& what) {
  if (H5Tget_class(stored) != H5T_STRING) {
    throw bad_input(what, "it is no string");
  }
  std::vector<std::string> texts;
  if (H5Tis_variable_str(stored) > 0) {
    std::vector<char*> pointers(count, nullptr);
    check(read(stored, static_cast<void*>(pointers.data())), what);
    for (auto const* pointer : pointers) {
      texts.emplace_back(pointer == nullptr ? "" : pointer);
    }
    H5Dvlen_reclaim(stored, space, H5P_DEFAULT, static_cast<void*>(pointers.data()));
    return texts;
  }
  auto const size = H5Tget_size(stored);
  std::string all(size * count, '\0');
  check(read(stored, static_cast<void*>(all.data())), what);
  for (std::size_t i = 0; i < count; ++i) {
    auto text = all.substr(i * size, size);
    text.resize(std::min(text.find('\0'), text.size()));
    texts.push_back(std::move(text));
  }
  return texts;
}

} // namespace fod::h5
