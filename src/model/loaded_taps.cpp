#include "loaded.hpp"

#include "precision.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <numeric>

namespace fod {

namespace {

/// The first rows, or the only one twice.
std::vector<torch::Tensor> first_rows(InputBatch const& inputs, InputTypes const& types,
                                      std::int64_t samples) {
  auto tensors = inputs.tensors(types, {0, std::min(samples, inputs.size())});
  for (auto& tensor : tensors) {
    tensor = tensor.size(0) < samples ? torch::cat({tensor, tensor}) : tensor;
  }
  return tensors;
}

} // namespace

SeenForward LoadedModel::observe(std::int64_t samples) {
  c10::InferenceMode const inference;
  at::manual_seed(0);
  torch_support::PrecisionScope const precision(precision_, device_);
  SeenForward seen;
  seen.batch = samples;
  std::vector<std::size_t> all(backend_->submodules().size());
  std::iota(all.begin(), all.end(), 0);
  backend_->watch(
      all, [&](std::size_t submodule, LayerOutput const& output) { seen.add(submodule, output); });
  try {
    static_cast<void>(backend_->call(first_rows(inputs_, types_, samples)));
  } catch (...) {
    watch_taps();
    throw;
  }
  watch_taps();
  return seen;
}

/// Empty if the model takes no batch of another size.
SeenForward LoadedModel::observe_other_size(std::int64_t samples) {
  try {
    return observe(samples > 1 ? samples - 1 : 2);
  } catch (std::exception const&) {
    return {};
  }
}

std::vector<Layer> LoadedModel::find_layers() {
  for (;;) {
    try {
      auto const samples = rows_at_once();
      auto const seen = observe(samples);
      auto const again = observe_other_size(samples);
      return describe_layers(backend_->submodules(), seen, again, inputs_.size());
    } catch (std::exception const& error) {
      after_failure(error);
    }
  }
}

void LoadedModel::watch_taps() {
  backend_->watch(taps_.submodules(), [this](std::size_t submodule, LayerOutput const& output) {
    taps_.called(submodule, output);
  });
}

void LoadedModel::set_taps(std::vector<Layer> const& layers, TapSink sink) {
  has_taps_ = !layers.empty();
  taps_ = has_taps_ ? Taps(layers, backend_->submodules(), std::move(sink), device_) : Taps();
  watch_taps();
}

} // namespace fod
