#pragma once

#include "torch_support.hpp"

#include <optional>
#include <string>
#include <vector>

/// Inside of the model module: which extents of a layer's output are samples, channels, positions.
namespace fod {

/// Where a type of layer has its channels.
enum class ChannelPlace {
  second,  ///< (B, C, …): convolutions and what goes with them
  last,    ///< (B, …, F): sequences
  unknown, ///< as what ran before
};

/// By the name of its class, "Conv2d".
ChannelPlace channel_place(std::string const& type);

/// The extent that is the batch, or none. Of several that might be, the first.
/// @param again shape of the same output for a batch of another size; empty: there was none
std::optional<std::int64_t> find_batch(Shape const& shape, std::int64_t batch, Shape const& again,
                                       std::int64_t other_batch);

/// The extent with the channels; -1 if the batch is the only extent.
std::int64_t find_channel(Shape const& shape, std::int64_t batch_extent, ChannelPlace place);

/// The view that `view_of` gives, without values.
ActivationView layout_of(torch::Tensor const& tensor, std::int64_t batch_extent,
                         std::int64_t channel_extent);

/// A tensor as a view, and what must stay alive while it is used: the tensor itself where three
/// strides describe it, else a dense copy (samples, channels, positions).
struct LayerView {
  ActivationView view;
  torch::Tensor tensor;
};
LayerView view_of(torch::Tensor const& tensor, std::int64_t batch_extent,
                  std::int64_t channel_extent);

/// Why the tensor cannot be looked at: it is sparse, or of integers; empty if it can.
std::string problem_of(torch::Tensor const& tensor);

} // namespace fod
