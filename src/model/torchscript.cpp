#include "torchscript_taps.hpp"

#include "fod/error.hpp"

#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/script.h>

#include <algorithm>
#include <cstring>

namespace fod {

namespace {

/// The file's bytes, which are in memory already.
class MemoryReader : public caffe2::serialize::ReadAdapterInterface {
public:
  explicit MemoryReader(std::string const& bytes) : bytes_(bytes) {}
  [[nodiscard]] std::size_t size() const override { return bytes_.size(); }
  std::size_t read(std::uint64_t at, void* out, std::size_t count,
                   char const* /*what*/) const override {
    auto const begin = std::min<std::size_t>(at, bytes_.size());
    auto const length = std::min(count, bytes_.size() - begin);
    std::memcpy(out, bytes_.data() + begin, length);
    return length;
  }

private:
  std::string const& bytes_;
};

torch::jit::Module load_module(BackendOptions const& options) {
  try {
    auto module = torch::jit::load(std::make_shared<MemoryReader>(options.bytes),
                                   torch_support::torch_device(options.device));
    module.eval();
    return module;
  } catch (std::exception const& error) {
    throw bad_input("cannot load the model " + options.spec, torch_support::reason(error),
                    "export it again, as torch.jit.script(model).save(path)");
  }
}

/// True for torch.nn's Dropout, Dropout1d to 3d, AlphaDropout and FeatureAlphaDropout.
bool is_dropout(torch::jit::Module const& module) {
  auto const type = module.type()->name();
  return type && type->name().find("Dropout") != std::string::npos;
}

class TorchScript : public Backend {
public:
  explicit TorchScript(BackendOptions const& options)
      : spec_(options.spec), constants_(options.constants), module_(load_module(options)),
        tree_(module_) {
    if (!module_.find_method("forward")) {
      throw bad_input("the model " + spec_ + " has no method `forward`", "",
                      "export a module whose forward takes the batch");
    }
    auto const reset = module_.find_method("reset_states");
    has_state_ = reset && reset->function().getSchema().arguments().size() == 1;
  }

  c10::IValue call(std::vector<torch::Tensor> inputs) override {
    if (has_state_) {
      module_.get_method("reset_states")({}); // so that a batch does not know the one before it
    }
    std::vector<c10::IValue> arguments(inputs.begin(), inputs.end());
    for (auto const& constant : constants_) {
      auto const& type = schema_argument(constant.position);
      bool const whole = constant.whole && type.type()->kind() != c10::TypeKind::FloatType;
      auto const value = whole ? c10::IValue(static_cast<std::int64_t>(constant.value))
                               : c10::IValue(constant.value);
      arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(constant.position), value);
    }
    return tapped_ ? (*tapped_)(std::move(arguments)) : module_.forward(std::move(arguments));
  }

  std::vector<Submodule> submodules() const override;
  void watch(std::vector<std::size_t> const& submodules, LayerCalled called) override;

  Arity arity() const override {
    Arity arity;
    auto const& arguments = module_.find_method("forward")->function().getSchema().arguments();
    arity.most = std::ssize(arguments) - 1;
    for (std::size_t i = 1; i < arguments.size(); ++i) { // the first is the module itself
      arity.least += arguments[i].default_value() ? 0 : 1;
      arity.names += (i == 1 ? "" : ", ") + arguments[i].name();
    }
    return arity;
  }

  /// Type of the first floating point parameter.
  ElementType floating_type() const override {
    for (auto const& tensor : module_.parameters()) {
      if (tensor.is_floating_point()) {
        return torch_support::element_type_of(tensor.scalar_type());
      }
    }
    return ElementType::float32;
  }

  Tensors tensors(bool buffers) const override {
    Tensors all;
    for (auto const& [name, tensor] : module_.named_parameters()) {
      all.emplace_back(name, tensor);
    }
    if (buffers) {
      for (auto const& [name, tensor] : module_.named_buffers()) {
        all.emplace_back(name, tensor);
      }
    }
    return all;
  }

  std::string enable_dropout() override;
  std::string set_precision(Precision /*precision*/) override { return {}; }
  std::string kind() const override { return "torchscript"; }

private:
  /// The argument at a position, not counting the module itself.
  [[nodiscard]] c10::Argument const& schema_argument(std::size_t position) const {
    return module_.find_method("forward")->function().getSchema().arguments()[position + 1];
  }

  std::string spec_;
  std::vector<ConstantArgument> constants_;
  bool has_state_ = false;
  torch::jit::Module module_;
  ScriptTree tree_;
  std::optional<TappedForward> tapped_;
};

std::vector<Submodule> TorchScript::submodules() const {
  if (tree_.submodules().empty()) {
    throw bad_input("the layers of the model " + spec_ + " cannot be seen",
                    module_.hasattr("training") ? "it has no submodules"
                                                : "the model was frozen, which inlines its layers",
                    "export it unfrozen: torch.jit.script(model).save(path)");
  }
  return tree_.submodules();
}

void TorchScript::watch(std::vector<std::size_t> const& submodules, LayerCalled called) {
  tapped_.reset();
  if (!submodules.empty()) {
    tapped_.emplace(module_, tree_, submodules, std::move(called));
  }
}

std::string TorchScript::enable_dropout() {
  int count = 0;
  for (auto const& entry : module_.named_modules()) {
    if (auto child = entry.value; is_dropout(child)) {
      if (!child.hasattr("training")) {
        return "its dropout layers were frozen";
      }
      child.train(true);
      ++count;
    }
  }
  return count > 0 ? "" : "it has no dropout layers (or was frozen, which removes them)";
}

} // namespace

std::unique_ptr<Backend> load_torchscript(BackendOptions const& options) {
  return std::make_unique<TorchScript>(options);
}

} // namespace fod
