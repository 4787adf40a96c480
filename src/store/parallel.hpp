#pragma once

#include "fod/comm.hpp"
#include "fod/h5.hpp"

/// Inside of the store module: opening a file for all ranks together.
namespace fod::store {

/// Opens for writing; collective where there are several ranks.
h5::File open_together(std::string const& path, Comm const& comm);

} // namespace fod::store
