#include "backend.hpp"

#include "fod/callable.hpp"
#include "fod/error.hpp"

namespace fod {

namespace {

class CallableBackend : public Backend {
public:
  explicit CallableBackend(BackendOptions const& options)
      : spec_(options.spec), model_(options.in_process->model) {
    model_->prepare(torch_support::torch_device(options.device));
  }

  c10::IValue call(std::vector<torch::Tensor> inputs) override {
    auto output = model_->forward(inputs);
    // As Python's None would be: it is refused in the words that are known for it.
    return output.defined() ? c10::IValue(std::move(output)) : c10::IValue();
  }
  Arity arity() const override { return {1, -1, {}}; }
  ElementType floating_type() const override {
    for (auto const& [name, tensor] : model_->parameters()) {
      if (tensor.is_floating_point()) {
        return torch_support::element_type_of(tensor.scalar_type());
      }
    }
    return ElementType::float32;
  }
  Tensors tensors(bool /*buffers*/) const override { return model_->parameters(); }
  std::vector<Submodule> submodules() const override {
    throw bad_input("the layers of " + spec_ + " cannot be seen", "it is an object of the program",
                    "export the model and give its file");
  }
  void watch(std::vector<std::size_t> const& /*submodules*/, LayerCalled /*called*/) override {}
  std::string enable_dropout() override { return "its layers cannot be seen"; }
  std::string set_precision(Precision /*precision*/) override { return {}; }
  std::string kind() const override { return "callable"; }

private:
  std::string spec_;
  std::shared_ptr<CallableModel> model_;
};

} // namespace

bool has_model(std::shared_ptr<InProcess const> const& in_process) {
  return in_process != nullptr && in_process->model != nullptr;
}

std::unique_ptr<Backend> load_callable(BackendOptions const& options) {
  return std::make_unique<CallableBackend>(options);
}

} // namespace fod
