#pragma once

#include "../rows.hpp"

namespace fod::rows {

extern Kernels const avx512;
extern Kernels const avx2;
extern Kernels const generic;

} // namespace fod::rows
