#pragma once

#include "backend.hpp"

#include <torch/script.h>

/// Inside of the model module: TorchScript's submodules, and their outputs inside of a forward.
namespace fod {

/// Submodules of a scripted or traced model.
class ScriptTree {
public:
  explicit ScriptTree(torch::jit::Module const& root);
  [[nodiscard]] std::vector<Submodule> const& submodules() const { return submodules_; }
  /// The submodule at a path, "layer1.0", by whichever of its names; none if there is none.
  [[nodiscard]] std::optional<std::size_t> find(std::string const& path) const;
  /// Calls of what stands at that path cannot be seen.
  void hide(std::string const& path, std::string const& why);

private:
  void add_children(torch::jit::Module const& module, std::string const& prefix);

  std::vector<Submodule> submodules_;
  std::vector<void const*> objects_;
};

/// A copy of a model's forward that tells of its submodules' calls. What it computes, and in what
/// order, is what the original computes: all calls are inlined there too.
class TappedForward {
public:
  /// @param module stays the owner of the weights
  TappedForward(torch::jit::Module const& module, ScriptTree& tree,
                std::vector<std::size_t> const& watched, LayerCalled called);

  c10::IValue operator()(std::vector<c10::IValue> arguments);

private:
  torch::jit::Module module_;
  LayerCalled called_;
  std::shared_ptr<torch::jit::CompilationUnit> unit_; ///< owns the function
  torch::jit::Function* function_;
};

} // namespace fod
