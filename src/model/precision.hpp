#pragma once

#include "torch_support.hpp"

/// Inside of the model module: the precision of a forward.
namespace fod::torch_support {

/// While it lives, torch's autocast is on for bf16 and fp16: products and convolutions run in that
/// type, what is sensitive (softmax, sums) in float32. Nothing for the others.
class PrecisionScope {
public:
  PrecisionScope(Precision precision, Device const& device);
  PrecisionScope(PrecisionScope const&) = delete;
  PrecisionScope& operator=(PrecisionScope const&) = delete;
  ~PrecisionScope();

private:
  bool active_;
  at::DeviceType type_;
  bool before_ = false;
  at::ScalarType type_before_ = at::kFloat;
};

} // namespace fod::torch_support
