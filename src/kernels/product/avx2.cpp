#include "variants.hpp"

#include "body.hpp"

namespace fod::product {

Kernels const avx2 = Body<32, 4, 3>::kernels("AVX2");

} // namespace fod::product
