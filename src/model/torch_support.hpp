#pragma once

#include "fod/model.hpp"

#include <torch/torch.h>

#include <optional>

/// Inside of the model module: what every Torch backend needs.
namespace fod::torch_support {

torch::ScalarType scalar_type(ElementType type);
/// Empty for complex, quantised and other types without a counterpart.
std::optional<ElementType> counterpart(torch::ScalarType type);
/// Of what a model returned. @throws Error (usage) for a type without a counterpart
ElementType element_type_of(torch::ScalarType type);

torch::Device torch_device(Device const& device);

/// The telling part of Torch's message: no backtrace, no interpreter frames.
std::string reason(std::exception const& error);

/// Threads, determinism: the settings under which the same input gives the same bytes.
/// @param tf32 lets float32 products round their factors to 10 bits, on GPUs that can
void make_deterministic(int threads, bool tf32);

} // namespace fod::torch_support
