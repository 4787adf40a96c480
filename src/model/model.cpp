#include "fod/model.hpp"

#include "loaded.hpp"

#include "fod/checksum.hpp"
#include "fod/error.hpp"

#include <algorithm>
#include <deque>

namespace fod {

namespace {

std::vector<double> to_doubles(torch::Tensor const& tensor) {
  auto const wide = tensor.to(torch::kCPU, torch::kFloat64).contiguous();
  auto const* values = wide.const_data_ptr<double>();
  return {values, values + wide.numel()};
}

} // namespace

struct Model::Impl {
  explicit Impl(ModelOptions const& options)
      : passes(std::max<std::int64_t>(1, options.dropout_passes)), seed(options.seed),
        inputs(options.fields, options.normalizations, options.device, options.batch_size) {
    torch_support::make_deterministic(options.threads, options.precision == Precision::tf32);
    for (auto const& source : options.sources) {
      models.emplace_back(options, source, inputs);
    }
  }

  std::int64_t passes;
  std::int64_t seed;
  InputBatch inputs;
  std::deque<LoadedModel> models; // they refer to the inputs, so neither moves
  std::int64_t first_sample = 0;
};

Model::Model(ModelOptions const& options) : impl_(std::make_unique<Impl>(options)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

std::size_t Model::model_count() const {
  return impl_->models.size();
}

std::size_t Model::member_count() const {
  return impl_->models.size() * static_cast<std::size_t>(impl_->passes);
}

std::size_t Model::model_of(std::size_t member) const {
  return member / static_cast<std::size_t>(impl_->passes);
}

void Model::set_batch_size(std::int64_t batch_size) {
  impl_->inputs.resize(batch_size);
  for (auto& model : impl_->models) {
    model.forget_micro_batch();
  }
}

std::int64_t Model::batch_size() const {
  return impl_->inputs.size();
}

void Model::set_input_slots(std::size_t count) {
  impl_->inputs.set_slots(count);
}

std::span<std::byte> Model::input(std::size_t field, std::size_t slot) {
  return impl_->inputs.bytes(slot, field);
}

std::vector<InputTypes> Model::find_input_types() {
  begin_batch(0);
  std::vector<InputTypes> types;
  for (auto& model : impl_->models) {
    types.push_back(model.find_input_types());
  }
  return types;
}

void Model::set_input_types(std::vector<InputTypes> const& types) {
  for (std::size_t i = 0; i < types.size(); ++i) {
    impl_->models[i].set_input_types(types[i]);
  }
}

void Model::begin_batch(std::int64_t first_sample, std::size_t slot) {
  impl_->first_sample = first_sample;
  impl_->inputs.load(slot);
}

ModelOutput Model::forward(std::size_t member) {
  // Random numbers belong to a member and a batch, so they do not depend on the ranks.
  auto const key = std::to_string(impl_->seed) + " " + std::to_string(member) + " " +
                   std::to_string(impl_->first_sample);
  return impl_->models[model_of(member)].forward(checksum_of(key));
}

std::vector<Layer> Model::find_layers(std::size_t model) {
  begin_batch(0);
  return impl_->models[model].find_layers();
}

void Model::set_taps(std::vector<Layer> const& layers, TapSink sink) {
  impl_->models[0].set_taps(layers, std::move(sink));
}

bool Model::runs_ahead() const {
  return std::all_of(impl_->models.begin(), impl_->models.end(), [&](LoadedModel const& model) {
    return model.on_gpu() && model.backend().keeps_to_stream();
  });
}

std::int64_t Model::micro_batch() const {
  auto smallest = batch_size();
  for (auto const& model : impl_->models) {
    if (model.micro_batch() > 0) {
      smallest = std::min(smallest, model.micro_batch());
    }
  }
  return smallest;
}

std::int64_t Model::parameter_bytes() const {
  std::int64_t bytes = 0;
  for (auto const& model : impl_->models) {
    for (auto const& [name, tensor] : model.backend().tensors(true)) {
      bytes += static_cast<std::int64_t>(tensor.nbytes());
    }
  }
  return bytes;
}

std::vector<Parameter> Model::parameters(std::size_t model) const {
  std::vector<Parameter> all;
  for (auto const& [name, tensor] : impl_->models[model].backend().tensors(false)) {
    all.push_back({name, torch_support::element_type_of(tensor.scalar_type()), tensor.sizes().vec(),
                   to_doubles(tensor)});
  }
  return all;
}

std::string Model::kind(std::size_t model) const {
  return impl_->models[model].backend().kind();
}

} // namespace fod
