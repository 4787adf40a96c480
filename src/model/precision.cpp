#include "precision.hpp"

#include <ATen/autocast_mode.h>

namespace fod::torch_support {

PrecisionScope::PrecisionScope(Precision precision, Device const& device)
    : active_(precision == Precision::bf16 || precision == Precision::fp16),
      type_(device.is_cuda ? at::kCUDA : at::kCPU) {
  if (active_) {
    before_ = at::autocast::is_autocast_enabled(type_);
    type_before_ = at::autocast::get_autocast_dtype(type_);
    at::autocast::set_autocast_dtype(type_,
                                     precision == Precision::bf16 ? at::kBFloat16 : at::kHalf);
    at::autocast::set_autocast_enabled(type_, true);
    at::autocast::increment_nesting();
  }
}

PrecisionScope::~PrecisionScope() {
  if (active_) {
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    at::autocast::set_autocast_enabled(type_, before_);
    at::autocast::set_autocast_dtype(type_, type_before_);
  }
}

} // namespace fod::torch_support
