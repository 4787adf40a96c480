#include "inputs.hpp"

#include "fod/error.hpp"

namespace fod {

InputBatch::InputBatch(std::vector<FieldSpec> fields,
                       std::vector<Normalization> const& normalizations, Device const& device,
                       std::int64_t batch_size)
    : fields_(std::move(fields)), device_(torch_support::torch_device(device)),
      scales_(fields_.size()) {
  for (auto const& normalization : normalizations) {
    bool found = false;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (normalization.field.empty() || normalization.field == fields_[i].name) {
        scales_[i] = scale_of(fields_[i], normalization);
        found = true;
      }
    }
    if (!found) {
      throw bad_input("--normalize names the input '" + normalization.field + "'",
                      "there is no such input", "name one that --data gives");
    }
  }
  resize(batch_size);
}

InputBatch::Scale InputBatch::scale_of(FieldSpec const& field,
                                       Normalization const& normalization) const {
  auto const count = static_cast<std::int64_t>(normalization.mean.size());
  bool const per_channel = count > 1;
  if (per_channel && (field.shape.empty() || field.shape[0] != count)) {
    throw bad_input("--normalize has " + std::to_string(count) + " values for input " + field.name,
                    "its samples have shape " + to_string(field.shape),
                    "give one value, or one per channel (the first extent)");
  }
  Shape extents(field.shape.size(), 1);
  if (per_channel) {
    extents[0] = count;
  }
  auto const values = [&](std::vector<double> const& numbers) {
    return torch::tensor(numbers, torch::kFloat64).reshape(extents).to(torch::kFloat32).to(device_);
  };
  return {values(normalization.mean), values(normalization.std)};
}

void InputBatch::resize(std::int64_t batch_size) {
  batch_size_ = batch_size;
  loaded_.clear();
  staging_.clear();
  for (auto const& field : fields_) {
    staging_.push_back(torch::zeros(with_leading(batch_size, field.shape),
                                    torch::TensorOptions(torch_support::scalar_type(field.type))
                                        .pinned_memory(device_.is_cuda())));
  }
}

std::span<std::byte> InputBatch::bytes(std::size_t field) const {
  return {static_cast<std::byte*>(staging_[field].data_ptr()), staging_[field].nbytes()};
}

void InputBatch::load() {
  loaded_.clear();
  for (auto const& tensor : staging_) {
    loaded_.push_back(tensor.to(device_, /*non_blocking=*/true));
  }
}

std::vector<torch::Tensor> InputBatch::tensors(InputTypes const& types, IndexRange rows) const {
  std::vector<torch::Tensor> all;
  for (std::size_t i = 0; i < loaded_.size(); ++i) {
    auto const raw = loaded_[i].narrow(0, rows.begin, rows.size());
    auto const type = torch_support::scalar_type(types[i]);
    if (scales_[i].mean.defined() && is_floating(types[i])) {
      auto const wide = raw.to(torch::kFloat32, /*non_blocking=*/false, /*copy=*/true);
      all.push_back(wide.sub_(scales_[i].mean).div_(scales_[i].std).to(type));
    } else {
      all.push_back(raw.to(type, /*non_blocking=*/false, /*copy=*/true));
    }
  }
  return all;
}

std::string InputBatch::described(InputTypes const& types) const {
  std::string text;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    text += (i == 0 ? "" : " and ") + fields_[i].name + " of shape " +
            to_string(with_leading(batch_size_, fields_[i].shape)) + " " +
            std::string(name_of(types[i]));
  }
  return text;
}

std::string InputBatch::names() const {
  std::string text;
  for (auto const& field : fields_) {
    text += (text.empty() ? "" : ", ") + field.name;
  }
  return text;
}

} // namespace fod
