#pragma once

#include <torch/script.h> // before Catch2: both define CHECK, and the later one counts

#include "job_support.hpp"

#include "fod/model.hpp"

#include <cstring>
#include <sstream>

/// Models that tests write as TorchScript's source.
namespace script_models {

/// A module with a forward (and other methods) of that source. The name is its type.
inline torch::jit::Module module(std::string const& type, std::string const& source = "") {
  torch::jit::Module result(c10::QualifiedName("__torch__." + type),
                            std::make_shared<torch::jit::CompilationUnit>(), true);
  result.register_attribute("training", c10::BoolType::get(), false);
  if (!source.empty()) {
    result.define(source);
  }
  return result;
}

/// y = x W^T, W = (0, 1, 2, …) / 8 row by row.
inline torch::jit::Module linear(std::int64_t inputs, std::int64_t outputs) {
  auto result = module("Linear");
  result.register_parameter(
      "weight", torch::arange(inputs * outputs, torch::kFloat32).view({outputs, inputs}) / 8,
      false);
  result.define("def forward(self, x):\n  return torch.matmul(x, self.weight.t())\n");
  return result;
}

inline std::string saved(torch::jit::Module const& model) {
  std::ostringstream file;
  model.save(file);
  return file.str();
}

/// As a fod::Model with one input; the file has the model's type.
inline fod::Model load(torch::jit::Module const& model, fod::Device const& device,
                       std::int64_t batch, fod::Shape const& sample) {
  fod::ModelOptions options;
  options.sources.push_back({"model.pt", saved(model)});
  options.device = device;
  options.fields.push_back({"x", fod::ElementType::float32, sample});
  options.batch_size = batch;
  return fod::Model(options);
}

/// Row i holds i, i + 1, …, all plus an offset. Returns the batch.
inline torch::Tensor fill(fod::Model& model, fod::Shape const& sample, float offset = 0) {
  auto const batch = model.batch_size();
  auto const values = fod::element_count(sample);
  auto const rows =
      (torch::arange(batch).view({batch, 1}) + torch::arange(values).view({1, -1}) + offset)
          .to(torch::kFloat32)
          .contiguous();
  std::memcpy(model.input(0).data(), rows.const_data_ptr(), model.input(0).size());
  model.begin_batch(0);
  return rows.view(fod::with_leading(batch, sample));
}

/// The view's values on the host, (samples, channels, positions).
inline torch::Tensor values_of(fod::ActivationView const& view, fod::Device const& device) {
  auto const options =
      torch::TensorOptions(torch::kFloat32)
          .device(device.is_cuda ? torch::Device(torch::kCUDA, 0) : torch::Device(torch::kCPU));
  // from_blob wants memory that may be written; nothing writes to it.
  auto* const values = const_cast<void*>(view.values); // NOLINT(*-const-cast)
  return torch::from_blob(values, {view.samples, view.channels, view.positions},
                          {view.sample_stride, view.channel_stride, view.position_stride}, options)
      .to(torch::kCPU)
      .clone();
}

inline torch::Tensor values_of(fod::ModelOutput const& output, fod::Device const& device) {
  fod::ActivationView view;
  view.values = output.values;
  view.samples = output.shape.at(0);
  view.channels = output.shape.at(1);
  view.sample_stride = view.channels;
  return values_of(view, device).squeeze(2);
}

} // namespace script_models
