#include "inputs.hpp"

#include "fod/error.hpp"

#include <c10/cuda/CUDAStream.h>

namespace fod {

InputBatch::InputBatch(std::vector<FieldSpec> fields,
                       std::vector<Normalization> const& normalizations, Device const& device,
                       std::int64_t batch_size)
    : fields_(std::move(fields)), device_(torch_support::torch_device(device)),
      scales_(fields_.size()), copies_(device) {
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

InputBatch::Tensors InputBatch::make(bool on_device) const {
  Tensors tensors;
  for (auto const& field : fields_) {
    auto const options = torch::TensorOptions(torch_support::scalar_type(field.type));
    tensors.push_back(torch::zeros(with_leading(batch_size_, field.shape),
                                   on_device ? options.device(device_)
                                             : options.pinned_memory(device_.is_cuda())));
  }
  return tensors;
}

StreamView InputBatch::compute_stream() const {
  return {c10::cuda::getCurrentCUDAStream(device_.index()).stream()};
}

void InputBatch::resize(std::int64_t batch_size) {
  copied_.wait(); // of memory that is given back
  batch_size_ = batch_size;
  loaded_.clear();
  slots_.clear();
  set_slots(1);
  if (device_.is_cuda()) {
    for (auto& batch : device_batches_) {
      batch.tensors.clear();
      batch.tensors = make(true);
      batch.used.record(compute_stream()); // by whoever had the memory before, too
    }
  }
}

void InputBatch::set_slots(std::size_t count) {
  while (slots_.size() < count) {
    slots_.push_back(make(false));
  }
}

std::span<std::byte> InputBatch::bytes(std::size_t slot, std::size_t field) const {
  auto const& tensor = slots_[slot][field];
  return {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

void InputBatch::load(std::size_t slot) {
  auto const& staging = slots_[slot];
  if (!device_.is_cuda()) {
    loaded_ = staging;
    return;
  }
  device_batches_[current_].used.record(compute_stream()); // all that needs it is queued
  current_ = (current_ + 1) % device_batches_.size();
  auto& next = device_batches_[current_];
  copies_.view().wait_for(next.used);
  for (std::size_t i = 0; i < staging.size(); ++i) {
    copy_async(next.tensors[i].data_ptr(), staging[i].const_data_ptr(), staging[i].nbytes(),
               copies_.view());
  }
  copied_.record(copies_.view());
  compute_stream().wait_for(copied_);
  loaded_ = next.tensors;
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
