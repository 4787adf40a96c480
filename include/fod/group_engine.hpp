#pragma once

#include "fod/device.hpp"
#include "fod/groups.hpp"

#include <memory>

namespace fod {

/// The engine of the device: cuda_engine() on a GPU, else groups::host_engine() on so many threads.
std::unique_ptr<groups::Engine> group_engine(groups::MatrixView correlations, Device const& device,
                                             int threads);

/// Works on the current GPU, with a copy of the correlations there (8 n^2 bytes). Its results are
/// those of groups::host_engine() to the last bit.
/// @throws Error (failed) if the memory of the GPU does not suffice
std::unique_ptr<groups::Engine> cuda_engine(groups::MatrixView correlations);

} // namespace fod
