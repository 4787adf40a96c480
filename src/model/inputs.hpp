#pragma once

#include "torch_support.hpp"

#include <array>
#include <vector>

/// Inside of the model module: from raw bytes on the host to what a model gets.
namespace fod {

/// The inputs of a model: slots on the host that are filled ahead, and the batch that was loaded
/// from one of them. On a GPU it comes by a stream of its own, while the batch before is computed.
class InputBatch {
public:
  /// @throws Error (usage) for a normalization that does not fit
  InputBatch(std::vector<FieldSpec> fields, std::vector<Normalization> const& normalizations,
             Device const& device, std::int64_t batch_size);

  [[nodiscard]] std::vector<FieldSpec> const& fields() const { return fields_; }
  [[nodiscard]] std::int64_t size() const { return batch_size_; }
  /// What was there is lost.
  void resize(std::int64_t batch_size);
  /// One at first. Those that are there stay.
  void set_slots(std::size_t count);
  [[nodiscard]] std::span<std::byte> bytes(std::size_t slot, std::size_t field) const;

  /// Brings the whole batch of a slot to the device. The slot must not change before the results of
  /// the batch are there.
  void load(std::size_t slot);
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
  using Tensors = std::vector<torch::Tensor>; ///< by field
  /// A batch on the GPU.
  struct Loaded {
    Tensors tensors;
    Event used; ///< by all that was queued for the batch
  };
  [[nodiscard]] Scale scale_of(FieldSpec const& field, Normalization const& normalization) const;
  [[nodiscard]] Tensors make(bool on_device) const;
  [[nodiscard]] StreamView compute_stream() const;

  std::vector<FieldSpec> fields_;
  torch::Device device_;
  std::int64_t batch_size_ = 0;
  std::vector<Scale> scales_;  ///< by field; undefined without a normalization
  std::vector<Tensors> slots_; ///< on the host, pinned for a GPU
  Tensors loaded_;             ///< those of a slot, or on the GPU
  // Of a GPU, which takes the next batch while it computes one.
  std::array<Loaded, batches_on_gpu> device_batches_;
  std::size_t current_ = 0; ///< of these
  Stream copies_;
  Event copied_;
};

} // namespace fod
