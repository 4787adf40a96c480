#pragma once

#include "fod/model.hpp"

#include <torch/torch.h>

/// Inside of the model module: what every Torch backend needs.
namespace fod::torch_support {

torch::ScalarType scalar_type(ElementType type);
/// @throws Error (usage) for complex, quantised and other types without a counterpart
ElementType element_type_of(torch::ScalarType type);

torch::Device torch_device(Device const& device);

/// The telling part of Torch's message: no backtrace, no interpreter frames.
std::string reason(std::exception const& error);

/// Threads, determinism: the settings under which the same input gives the same bytes.
void make_deterministic(int threads);

/// Turns the raw input of one field into what the model gets.
class InputField {
public:
  InputField(FieldSpec const& spec, std::int64_t batch_size, Device const& device);

  [[nodiscard]] FieldSpec const& spec() const { return spec_; }
  [[nodiscard]] std::span<std::byte> bytes() const;
  /// @throws Error (usage) if the number of values does not fit the channels
  void normalize(Normalization const& normalization);
  [[nodiscard]] torch::Tensor tensor(ElementType type) const;

private:
  FieldSpec spec_;
  torch::Device device_;
  torch::Tensor staging_; ///< on the host, pinned for a GPU
  torch::Tensor mean_;
  torch::Tensor std_;
};

} // namespace fod::torch_support
