#pragma once

#include "fod/model.hpp"

#include <ATen/core/ivalue.h>
#include <torch/torch.h>

/// Inside of the model module: finding the class scores in what a model returned.
namespace fod::torch_support {

/// @param key dotted path through dicts and tuples; empty takes the output itself
/// @throws Error (usage) if it is no tensor, or the path leads nowhere
ModelOutput select_output(c10::IValue const& output, std::string const& key);

/// A tensor as an output; it is made contiguous.
ModelOutput to_output(torch::Tensor const& tensor);

} // namespace fod::torch_support
