#include "fod/kernels.hpp"

namespace fod {

namespace {
constexpr float fp32 = 1e-4F;
constexpr float fp16 = 1e-3F;
constexpr float bf16 = 1e-2F;
} // namespace

float probability_tolerance(ElementType type) {
  switch (type) {
  case ElementType::float16:
    return fp16;
  case ElementType::bfloat16:
    return bf16;
  default:
    return fp32;
  }
}

float probability_tolerance(Precision precision) {
  switch (precision) {
  case Precision::fp16:
    return fp16;
  case Precision::bf16:
    return bf16;
  default:
    return fp32;
  }
}

} // namespace fod
