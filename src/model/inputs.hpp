#pragma once

#include "torch_support.hpp"

#include <vector>

/// Inside of the model module: from raw bytes on the host to what a model gets.
namespace fod {

/// The inputs of one batch.
class InputBatch {
public:
  /// @throws Error (usage) for a normalization that does not fit
  InputBatch(std::vector<FieldSpec> fields, std::vector<Normalization> const& normalizations,
             Device const& device, std::int64_t batch_size);

  [[nodiscard]] std::vector<FieldSpec> const& fields() const { return fields_; }
  [[nodiscard]] std::int64_t size() const { return batch_size_; }
  /// What was there is lost.
  void resize(std::int64_t batch_size);
  [[nodiscard]] std::span<std::byte> bytes(std::size_t field) const;

  /// Copies the whole batch to the device.
  void load();
  /// Samples `rows` of the loaded batch, new tensors, since a model may change its input in place.
  [[nodiscard]] std::vector<torch::Tensor> tensors(InputTypes const& types, IndexRange rows) const;

  /// "data of shape (64, 1, 8, 8) float32", for all inputs.
  [[nodiscard]] std::string described(InputTypes const& types) const;
  /// "left, right".
  [[nodiscard]] std::string names() const;

private:
  struct Scale {
    torch::Tensor mean;
    torch::Tensor std;
  };
  [[nodiscard]] Scale scale_of(FieldSpec const& field, Normalization const& normalization) const;

  std::vector<FieldSpec> fields_;
  torch::Device device_;
  std::int64_t batch_size_ = 0;
  std::vector<Scale> scales_;          ///< by field; undefined without a normalization
  std::vector<torch::Tensor> staging_; ///< on the host, pinned for a GPU
  std::vector<torch::Tensor> loaded_;  ///< on the device
};

} // namespace fod
