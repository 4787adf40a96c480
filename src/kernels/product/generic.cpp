#include "variants.hpp"

#include "body.hpp"

namespace fod::product {

Kernels const generic = Body<16, 4, 2>::kernels("generic");

} // namespace fod::product
