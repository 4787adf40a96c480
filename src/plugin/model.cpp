#include "dlpack.hpp"
#include "library.hpp"

#include "fod/error.hpp"
#include "fod/plugin.hpp"

#include <vector>

namespace fod::plugin {

namespace {

/// A model's functions; they are all there or none.
struct ModelFunctions {
  explicit ModelFunctions(Library const& library)
      : open(library.function<decltype(fod_model_open)>("fod_model_open")),
        describe(library.function<decltype(fod_model_describe)>("fod_model_describe")),
        forward(library.function<decltype(fod_model_forward)>("fod_model_forward")),
        close(library.function<decltype(fod_model_close)>("fod_model_close")) {}

  decltype(fod_model_open)* open;
  decltype(fod_model_describe)* describe;
  decltype(fod_model_forward)* forward;
  decltype(fod_model_close)* close;
};

class PluginModel : public Model {
public:
  PluginModel(Spec const& spec, int gpu, int threads)
      : library_(std::make_shared<Library>(spec.path)), functions_(*library_), gpu_(gpu),
        model_(open(spec, threads), functions_.close) {
    describe();
  }

  Arity arity() const override { return arity_; }
  ElementType floating_type() const override { return floating_type_; }
  std::string description() const override { return description_; }
  Array call(std::span<ArrayView const> inputs, void* stream) override;

private:
  [[nodiscard]] fod_model* open(Spec const& spec, int threads) const;
  void describe();

  std::shared_ptr<Library const> library_;
  ModelFunctions functions_;
  int gpu_;
  std::unique_ptr<fod_model, decltype(fod_model_close)*> model_;
  Arity arity_;
  ElementType floating_type_ = ElementType::float32;
  std::string description_;
};

fod_model* PluginModel::open(Spec const& spec, int threads) const {
  fod_plugin_host const host{gpu_ < 0 ? kDLCPU : kDLCUDA, gpu_ < 0 ? 0 : gpu_, threads};
  fod_model* model = nullptr;
  ErrorText error;
  if (functions_.open(spec.options.c_str(), &host, &model, error.data(), error.size()) != 0 ||
      model == nullptr) {
    throw bad_input("the plugin " + spec.path + " makes no model", error.text(),
                    "look at the options after '?' in --model");
  }
  return model;
}

void PluginModel::describe() {
  fod_model_description told{};
  if (functions_.describe(model_.get(), &told) != 0) {
    throw bad_input("the plugin " + library_->path() + " does not describe its model",
                    "fod_model_describe failed", "mend the plugin");
  }
  auto const bad =
      told.least_inputs < 1 || (told.most_inputs >= 0 && told.most_inputs < told.least_inputs);
  if (told.name == nullptr || bad) {
    throw bad_input("the plugin " + library_->path() + " describes its model wrongly",
                    bad ? "it takes " + std::to_string(told.least_inputs) + " to " +
                              std::to_string(told.most_inputs) + " inputs"
                        : "it has no name",
                    "mend fod_model_describe");
  }
  description_ = told.name;
  arity_ = {told.least_inputs, told.most_inputs,
            told.input_names != nullptr ? told.input_names : ""};
  floating_type_ = element_type_of(told.floating, "the plugin's floating point type");
  if (!is_floating(floating_type_)) {
    throw bad_input("the plugin " + library_->path() + " describes its model wrongly",
                    std::string(name_of(floating_type_)) + " is no floating point type",
                    "mend fod_model_describe");
  }
}

Array PluginModel::call(std::span<ArrayView const> inputs, void* stream) {
  std::vector<TensorView> const views(inputs.begin(), inputs.end());
  std::vector<DLTensor const*> tensors;
  for (auto const& view : views) {
    tensors.push_back(view.get());
  }
  DLManagedTensor* made = nullptr;
  ErrorText error;
  auto const status = functions_.forward(model_.get(), tensors.data(), tensors.size(), stream,
                                         &made, error.data(), error.size());
  // The deleter is the library's, which stays until it was called.
  std::shared_ptr<DLManagedTensor> const owner(made, [library = library_](DLManagedTensor* tensor) {
    if (tensor != nullptr && tensor->deleter != nullptr) {
      tensor->deleter(tensor);
    }
  });
  if (status != 0) {
    throw run_failure("the plugin " + library_->path() + " failed on a batch", error.text(),
                      "see that it takes every sample");
  }
  auto const what = "the output of the plugin " + library_->path();
  if (made == nullptr) {
    throw bad_input(what + " is missing", "fod_model_forward set none", "mend the plugin");
  }
  return {view_of(made->dl_tensor, gpu_, what), owner};
}

} // namespace

std::unique_ptr<Model> open_model(std::string const& spec, int gpu, int threads) {
  return std::make_unique<PluginModel>(parse_spec(spec), gpu, threads);
}

} // namespace fod::plugin
