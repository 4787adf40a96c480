#pragma once

#include "fod/callable.hpp"

#include <memory>
#include <utility>

/// The template behind `fod::callable`.
namespace fod {

namespace detail {

/// `module->` for holders and pointers, `module.` for a `torch::jit::Module`.
template <class Module>
auto& body_of(Module& module) {
  if constexpr (requires { *module; }) {
    return *module;
  } else {
    return module;
  }
}

template <class Module>
class ModuleModel : public CallableModel {
public:
  explicit ModuleModel(Module module) : module_(std::move(module)) {}

  at::Tensor forward(std::vector<at::Tensor> const& inputs) override {
    auto& body = body_of(module_);
    if constexpr (requires { body.forward(inputs[0]); }) {
      return body.forward(inputs[0]);
    } else { // of TorchScript
      auto const output = body.forward({inputs.begin(), inputs.end()});
      return output.isTensor() ? output.toTensor() : at::Tensor();
    }
  }
  void prepare(at::Device device) override {
    body_of(module_).to(device);
    body_of(module_).eval();
  }
  [[nodiscard]] std::vector<std::pair<std::string, at::Tensor>> parameters() const override {
    std::vector<std::pair<std::string, at::Tensor>> all;
    auto module = module_; // handles share what they hold
    for (auto const& entry : body_of(module).named_parameters()) {
      if constexpr (requires { entry.key(); }) {
        all.emplace_back(entry.key(), entry.value());
      } else {
        all.emplace_back(entry.name, entry.value);
      }
    }
    return all;
  }

private:
  Module module_;
};

} // namespace detail

template <class Module>
std::shared_ptr<CallableModel> callable(Module module) {
  return std::make_shared<detail::ModuleModel<Module>>(std::move(module));
}

} // namespace fod
