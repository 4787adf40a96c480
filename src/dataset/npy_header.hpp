#pragma once

#include "fod/records.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace fod {

/// What the header of a .npy file says, well-formed but not yet believed.
struct NpyHeader {
  std::string descr; ///< NumPy's type, "<f4"
  bool fortran_order = false;
  Shape shape;
  std::size_t data_offset = 0;
};

/// Parses the header of versions 1 to 3. Takes what `numpy.save` writes, never evaluates anything
/// and keeps no more than the file has bytes.
/// @param bytes the whole file, which begins with NumPy's magic
/// @throws Error (usage) for what is malformed, or for a structured type
NpyHeader parse_npy_header(std::string const& path, std::span<std::byte const> bytes);

/// `text` fit for a message: at most 60 printable characters.
std::string quoted_part(std::string_view text);

} // namespace fod
