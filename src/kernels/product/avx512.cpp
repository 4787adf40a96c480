#include "variants.hpp"

#include "body.hpp"

namespace fod::product {

Kernels const avx512 = Body<64, 8, 3>::kernels("AVX-512");

} // namespace fod::product
