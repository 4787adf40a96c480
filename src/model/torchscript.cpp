#include "torchscript.hpp"

#include "output.hpp"
#include "torch_support.hpp"

#include "fod/error.hpp"

#include <ATen/cuda/CUDAContextLight.h>
#include <c10/cuda/CUDAStream.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/script.h>

#include <algorithm>
#include <cstring>
#include <utility>

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

torch::jit::Module load_module(ModelOptions const& options) {
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

/// Type of the first floating point parameter or buffer: what the model calculates in.
ElementType floating_type(torch::jit::Module const& module) {
  for (auto const& tensor : module.parameters()) {
    if (tensor.is_floating_point()) {
      return torch_support::element_type_of(tensor.scalar_type());
    }
  }
  return ElementType::float32;
}

class TorchScriptModel : public Model {
public:
  explicit TorchScriptModel(ModelOptions const& options)
      : spec_(options.spec), output_key_(options.output_key), device_(options.device),
        batch_size_(options.batch_size), module_(load_module(options)),
        floating_(floating_type(module_)) {
    for (auto const& field : options.fields) {
      inputs_.emplace_back(field, batch_size_, device_);
    }
    require_arguments();
    for (auto const& normalization : options.normalizations) {
      apply(normalization);
    }
  }

  std::span<std::byte> input(std::size_t field) override { return inputs_[field].bytes(); }

  std::vector<ElementType> find_input_types() override;

  void set_input_types(std::vector<ElementType> const& types) override { types_ = types; }

  ModelOutput forward() override {
    try {
      return select(call(types_, false));
    } catch (Error const&) {
      throw;
    } catch (std::exception const& error) {
      throw run_failure("the model failed on a batch of " + described(types_),
                        torch_support::reason(error), "see that it takes every sample");
    }
  }

  std::int64_t parameter_bytes() const override {
    std::int64_t bytes = 0;
    for (auto const& tensor : module_.parameters()) {
      bytes += static_cast<std::int64_t>(tensor.nbytes());
    }
    for (auto const& tensor : module_.buffers()) {
      bytes += static_cast<std::int64_t>(tensor.nbytes());
    }
    return bytes;
  }

private:
  /// @param keep_inputs hands copies in, since a model may change its input in place
  c10::IValue call(std::vector<ElementType> const& types, bool keep_inputs) {
    c10::InferenceMode const inference;
    std::vector<c10::IValue> arguments;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      auto tensor = inputs_[i].tensor(types[i]);
      arguments.emplace_back(keep_inputs ? tensor.clone() : tensor);
    }
    return module_.forward(std::move(arguments));
  }

  ModelOutput select(c10::IValue const& output) const {
    auto selected = torch_support::select_output(output, output_key_);
    if (device_.is_cuda) {
      selected.stream = {c10::cuda::getCurrentCUDAStream().stream()};
    }
    return selected;
  }

  void require_arguments() const;
  void apply(Normalization const& normalization);
  [[nodiscard]] std::string described(std::vector<ElementType> const& types) const;
  [[nodiscard]] std::string first_weight() const;

  std::string spec_;
  std::string output_key_;
  Device device_;
  std::int64_t batch_size_;
  torch::jit::Module module_;
  ElementType floating_;
  std::vector<torch_support::InputField> inputs_;
  std::vector<ElementType> types_;
};

/// "input data of shape (64, 1, 8, 8) float32", for all inputs.
std::string TorchScriptModel::described(std::vector<ElementType> const& types) const {
  std::string text;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    auto const& field = inputs_[i].spec();
    text += (i == 0 ? "" : " and ") + field.name + " of shape " +
            to_string(with_leading(batch_size_, field.shape)) + " " +
            std::string(name_of(types[i]));
  }
  return text;
}

std::string TorchScriptModel::first_weight() const {
  for (auto const& [name, tensor] : module_.named_parameters()) {
    if (tensor.dim() > 1) {
      return "; its first weight, " + name + ", has shape " + to_string(tensor.sizes().vec());
    }
  }
  return {};
}

void TorchScriptModel::require_arguments() const {
  auto const method = module_.find_method("forward");
  if (!method) {
    throw bad_input("the model " + spec_ + " has no method `forward`", "",
                    "export a module whose forward takes the batch");
  }
  auto const& arguments = method->function().getSchema().arguments();
  std::size_t required = 0;
  std::string names;
  for (std::size_t i = 1; i < arguments.size(); ++i) { // the first is the module itself
    required += arguments[i].default_value() ? 0U : 1U;
    names += (i == 1 ? "" : ", ") + arguments[i].name();
  }
  auto const given = inputs_.size();
  if (given < required || given > arguments.size() - 1) {
    std::string fields;
    for (auto const& input : inputs_) {
      fields += (fields.empty() ? "" : ", ") + input.spec().name;
    }
    throw bad_input("the model takes " + std::to_string(required) +
                        (required == 1 ? " input (" : " inputs (") + names + ")",
                    "--data gives " + std::to_string(given) + ": " + fields,
                    "repeat --data name=SPEC, or choose and order the fields with --input");
  }
}

void TorchScriptModel::apply(Normalization const& normalization) {
  bool found = false;
  for (auto& input : inputs_) {
    if (normalization.field.empty() || normalization.field == input.spec().name) {
      input.normalize(normalization);
      found = true;
    }
  }
  if (!found) {
    throw bad_input("--normalize names the input '" + normalization.field + "'",
                    "there is no such input", "name one that --data gives");
  }
}

std::vector<ElementType> TorchScriptModel::find_input_types() {
  // Each input's forms in order of preference; all combinations are tried, early ones first.
  std::vector<std::vector<ElementType>> forms;
  std::size_t combinations = 1;
  for (auto const& input : inputs_) {
    auto const type = input.spec().type;
    forms.push_back({floating_});
    if (!is_floating(type)) {
      forms.back().push_back(type);
      if (type != ElementType::int64 && type != ElementType::boolean) {
        forms.back().push_back(ElementType::int64); // what embeddings take
      }
    }
    combinations *= forms.back().size();
  }
  std::string first_reason;
  std::vector<ElementType> types(inputs_.size());
  for (std::size_t combination = 0; combination < combinations; ++combination) {
    auto rest = combination;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      types[i] = forms[i][rest % forms[i].size()];
      rest /= forms[i].size();
    }
    try {
      call(types, true);
      return types;
    } catch (std::exception const& error) {
      first_reason = first_reason.empty() ? torch_support::reason(error) : first_reason;
    }
  }
  std::vector<ElementType> preferred;
  for (auto const& form : forms) {
    preferred.push_back(form.front());
  }
  throw bad_input("the model does not take a batch of " + described(preferred),
                  first_reason + first_weight(),
                  "give samples of the shape and type that the model was made for");
}

} // namespace

std::unique_ptr<Model> load_torchscript(ModelOptions const& options) {
  return std::make_unique<TorchScriptModel>(options);
}

} // namespace fod
