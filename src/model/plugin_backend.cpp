#include "backend.hpp"

#include "fod/error.hpp"
#include "fod/plugin.hpp"

#include <c10/cuda/CUDAStream.h>

namespace fod {

namespace {

class PluginBackend : public Backend {
public:
  explicit PluginBackend(BackendOptions const& options)
      : spec_(options.spec), device_(options.device),
        model_(plugin::open_model(options.spec, device_.is_cuda ? device_.index : -1,
                                  options.threads)) {}

  c10::IValue call(std::vector<torch::Tensor> inputs) override;
  Arity arity() const override { return model_->arity(); }
  ElementType floating_type() const override { return model_->floating_type(); }
  Tensors tensors(bool /*buffers*/) const override { return {}; }
  std::vector<Submodule> submodules() const override {
    throw bad_input("the layers of the model " + spec_ + " cannot be seen",
                    "a plugin does not show its layers", "give the model in another form");
  }
  void watch(std::vector<std::size_t> const& /*submodules*/, LayerCalled /*called*/) override {}
  std::string enable_dropout() override { return "the layers of a plugin cannot be seen"; }
  std::string set_precision(Precision /*precision*/) override {
    return "a plugin calculates as it was written";
  }
  std::string kind() const override { return "plugin: " + model_->description(); }

private:
  std::string spec_;
  Device device_;
  std::unique_ptr<plugin::Model> model_;
};

c10::IValue PluginBackend::call(std::vector<torch::Tensor> inputs) {
  std::vector<ArrayView> views;
  for (auto& input : inputs) {
    input = input.contiguous();
    views.push_back({input.data_ptr(), torch_support::element_type_of(input.scalar_type()),
                     input.sizes().vec(), device_.is_cuda ? device_.index : -1});
  }
  auto* const stream = device_.is_cuda ? c10::cuda::getCurrentCUDAStream().stream() : nullptr;
  auto output = model_->call(views, stream);
  auto const options = torch::TensorOptions(torch_support::scalar_type(output.view.type))
                           .device(torch_support::torch_device(device_));
  return torch::from_blob(
      output.view.data, output.view.shape, [owner = output.owner](void* /*data*/) {}, options);
}

} // namespace

std::unique_ptr<Backend> load_plugin(BackendOptions const& options) {
  return std::make_unique<PluginBackend>(options);
}

} // namespace fod
