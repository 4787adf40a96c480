#include "backend.hpp"

#include "fod/error.hpp"
#include "fod/python.hpp"

#include <ATen/Context.h>

#include <dlfcn.h>

namespace fod {

namespace {

/// A view of the tensor, which the owner keeps alive.
Array to_array(torch::Tensor const& tensor) {
  auto const dense = tensor.contiguous();
  Array array;
  array.view = {dense.data_ptr(), torch_support::element_type_of(dense.scalar_type()),
                dense.sizes().vec(), dense.is_cuda() ? dense.get_device() : -1};
  array.owner = std::make_shared<torch::Tensor>(dense);
  return array;
}

/// A tensor that views the array and keeps its owner alive.
torch::Tensor to_tensor(Array const& array) {
  auto const& view = array.view;
  auto const device = view.gpu < 0
                          ? torch::Device(torch::kCPU)
                          : torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(view.gpu));
  if (element_count(view.shape) == 0) {
    return torch::empty(view.shape, torch::TensorOptions(torch_support::scalar_type(view.type)));
  }
  return torch::from_blob(
      view.data, view.shape, [owner = array.owner](void*) {},
      torch::TensorOptions(torch_support::scalar_type(view.type)).device(device));
}

class Python : public Backend {
public:
  explicit Python(BackendOptions const& options)
      : spec_(options.spec), device_(torch_support::torch_device(options.device)),
        key_(options.output_key), looks_at_output_(!options.output_ignored),
        model_(python::open_model(options.spec,
                                  python_requirements(options.device, options.threads))) {
    for (auto const& [name, array] : model_->parameters(false)) {
      if (is_floating(array.view.type)) {
        floating_type_ = array.view.type;
        break;
      }
    }
  }

  c10::IValue call(std::vector<torch::Tensor> inputs) override {
    std::vector<Array> arrays;
    for (auto const& input : inputs) {
      arrays.push_back(to_array(input));
    }
    inputs.clear();
    if (!looks_at_output_) {
      model_->run(arrays);
      return {};
    }
    return to_tensor(model_->call(arrays, key_)).to(device_);
  }

  bool selects_output() const override { return true; }
  Arity arity() const override { return model_->arity(); }
  ElementType floating_type() const override { return floating_type_; }

  Tensors tensors(bool buffers) const override {
    Tensors all;
    for (auto const& [name, array] : model_->parameters(buffers)) {
      all.emplace_back(name, to_tensor(array));
    }
    return all;
  }

  std::string enable_dropout() override {
    if (!is_module()) {
      return "it is a callable, whose layers cannot be seen";
    }
    return model_->enable_dropout() > 0 ? "" : "it has no dropout layers";
  }

  std::vector<Submodule> submodules() const override;
  void watch(std::vector<std::size_t> const& submodules, LayerCalled called) override;

  /// Torch's autocast is a setting of this thread, which Python's calls see too.
  std::string set_precision(Precision /*precision*/) override {
    return is_module() ? "" : "it is a callable, which chooses its precision by itself";
  }

  /// JAX and TensorFlow have streams of their own.
  bool keeps_to_stream() const override { return is_module(); }

  std::string kind() const override { return "python, " + model_->kind(); }

private:
  [[nodiscard]] bool is_module() const { return model_->kind() == "nn.Module"; }

  std::string spec_;
  torch::Device device_;
  std::string key_;
  bool looks_at_output_;
  std::unique_ptr<python::Model> model_;
  ElementType floating_type_ = ElementType::float32;
};

std::vector<Submodule> Python::submodules() const {
  if (!is_module()) {
    throw bad_input("the layers of the model " + spec_ + " cannot be seen", "it is a callable",
                    "give the nn.Module itself, or export it");
  }
  std::vector<Submodule> all;
  for (auto const& module : model_->submodules()) {
    all.push_back({module.name, module.aliases, module.type, module.unseen});
  }
  return all;
}

void Python::watch(std::vector<std::size_t> const& submodules, LayerCalled called) {
  if (!is_module()) {
    return;
  }
  model_->watch(submodules, [called = std::move(called)](std::size_t submodule, Array const* output,
                                                         std::string const& problem) {
    called(submodule, {output == nullptr ? torch::Tensor() : to_tensor(*output), problem});
  });
}

} // namespace

python::Requirements python_requirements(Device const& device, int threads) {
  python::Requirements requirements;
  requirements.torch_version = framework_version();
  Dl_info info{};
  if (dladdr(reinterpret_cast<void const*>(&at::globalContext), &info) != 0) {
    requirements.torch_library = info.dli_fname;
  }
  requirements.device = device.label();
  requirements.threads = threads;
  return requirements;
}

std::unique_ptr<Backend> load_python(BackendOptions const& options) {
  return std::make_unique<Python>(options);
}

} // namespace fod
