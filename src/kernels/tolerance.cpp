#include "fod/kernels.hpp"

namespace fod {

float probability_tolerance(ElementType type) {
  switch (type) {
  case ElementType::float16:
    return 1e-3F;
  case ElementType::bfloat16:
    return 1e-2F;
  default:
    return 1e-4F;
  }
}

float probability_tolerance(Precision precision) {
  switch (precision) {
  case Precision::fp16:
    return probability_tolerance(ElementType::float16);
  case Precision::bf16:
    return probability_tolerance(ElementType::bfloat16);
  default:
    return probability_tolerance(ElementType::float32);
  }
}

} // namespace fod
