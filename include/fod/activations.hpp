#pragma once

#include "fod/records.hpp"

#include <cstdint>

namespace fod {

/// What counts as a neuron of a layer whose output has several positions (pixels, tokens).
enum class Pooling {
  mean, ///< a channel (or feature), averaged over positions
  max,  ///< a channel (or feature), its largest value over positions
  none, ///< each channel at each position
};
std::string_view name_of(Pooling pooling);

/// A layer's output for a batch: value (sample, channel, position) lies at
/// `sample * sample_stride + channel * channel_stride + position * position_stride`, in elements.
struct ActivationView {
  void const* values = nullptr; ///< where the model runs
  ElementType type = ElementType::float32;
  std::int64_t samples = 0;
  std::int64_t channels = 0;
  std::int64_t positions = 1; ///< pixels or tokens; 1 for a plain vector
  std::int64_t sample_stride = 0;
  std::int64_t channel_stride = 1;
  std::int64_t position_stride = 0;
  /// By its shape a sample is (positions, channels), as sequences are; else (channels, positions).
  /// Strides do not tell: memory may be in another order (torch.channels_last, transposed views).
  bool channels_last = false;

  [[nodiscard]] std::int64_t neurons(Pooling pooling) const {
    return pooling == Pooling::none ? channels * positions : channels;
  }
};

} // namespace fod
