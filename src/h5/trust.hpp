#pragma once

#include "library.hpp"

#include <cstddef>
#include <string>

/// Inside of the h5 module: what keeps a file from a stranger from reaching into other files, and
/// from having memory taken for bytes that it does not hold.
namespace fod::h5 {

/// Access properties, for links and datasets, by which no link into another file is followed, also
/// where a link within the file leads to one.
hid_t own_links();

/// Opens a dataset by `own_links`. Virtual and external ones, whose bytes are elsewhere, are
/// refused before anything looks for those files, as is a chunk that the bytes stored cannot fill.
/// @param name of the dataset in messages
Handle open_own_dataset(File const& file, std::string const& path, std::string const& name);

/// Bytes that those stored of a dataset can unpack to, and some more for small ones: deflate makes
/// at most 1,032 of one.
double most_bytes(hid_t dataset);

/// @param bytes that are about to be taken for what `name` claims to hold
/// @throws Error (usage) if it cannot hold them
void require_plausible(hid_t dataset, double bytes, std::string const& name);

} // namespace fod::h5
