#pragma once

#include <cuda_runtime.h>

#include <string>

namespace fod::cuda {

/// @throws Error (failed) with the runtime's own text
void check(cudaError_t status, std::string const& what);

} // namespace fod::cuda
