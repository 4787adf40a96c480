#pragma once

#include "row.cuh"

#include "fod/error.hpp"

namespace fod::row {

/// Calls `run` with the values as what they are.
template <class Run>
void with_type(void const* values, ElementType type, Run run) {
  switch (type) {
  case ElementType::float16:
    return run(static_cast<__half const*>(values));
  case ElementType::bfloat16:
    return run(static_cast<__nv_bfloat16 const*>(values));
  case ElementType::float32:
    return run(static_cast<float const*>(values));
  case ElementType::float64:
    return run(static_cast<double const*>(values));
  default:
    throw bad_input("the model returns " + std::string(name_of(type)),
                    "class scores are floating point numbers",
                    "return logits or probabilities as float16, bfloat16, float32 or float64");
  }
}

} // namespace fod::row
