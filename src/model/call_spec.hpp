#pragma once

#include <ATen/core/ivalue.h>
#include <torch/torch.h>

#include <string>
#include <vector>

/// Inside of the model module: how compiled models, which know flat lists of tensors alone, were
/// called before they were compiled.
namespace fod {

/// A nest of tuples, lists and dicts (torch's "pytree"), as torch writes it as JSON.
struct CallSpec {
  std::string type;              ///< "builtins.dict"; empty for a leaf, a tensor for example
  std::vector<std::string> keys; ///< of a dict's or named tuple's children; empty for others
  std::vector<CallSpec> children;

  [[nodiscard]] std::size_t leaves() const;
};

/// @throws std::exception if the text is none
CallSpec parse_call_spec(std::string const& json);

/// The tensors, in their order, put back into the nest.
/// @throws std::exception if there are fewer tensors than leaves
c10::IValue assemble(CallSpec const& spec, std::vector<torch::Tensor> const& tensors);

} // namespace fod
