#pragma once

#include "layout.hpp"

#include <string>
#include <vector>

/// Inside of the store module: what makes a change of a file's metadata safe.
///
/// HDF5 has no journal: a process that ends while it writes metadata may leave a file that cannot
/// be opened. So everything but the rows and their ledgers, which such a change does not touch, is
/// copied into a small file before. If the job ends in between, the copy is put back.
namespace fod::store {

/// Where the copy for the partial file of `path` is.
std::string undo_path(std::string const& path);

/// Bytes of a file.
using ByteRanges = std::vector<IndexRange>;

/// Bytes of the rows and ledgers of a closed result file, in order.
ByteRanges row_bytes(std::string const& path);

/// Copies all of `path` but `spared` into `undo`, which lasts once this returns.
/// @throws Error (failed) with the system's text
void save_undo(std::string const& path, ByteRanges const& spared, std::string const& undo);

/// Makes `path` what it was when `undo` was saved, if there is such a file, and removes it.
/// @return false if there was none, or none that was whole
bool restore_undo(std::string const& path, std::string const& undo);

} // namespace fod::store
