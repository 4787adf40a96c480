#pragma once

#include "../product.hpp"

namespace fod::product {

extern Kernels const avx512;
extern Kernels const avx2;
extern Kernels const generic;

} // namespace fod::product
