#include "layer_layout.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace fod {

namespace {

template <std::size_t N>
bool contains(std::array<std::string_view, N> const& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Conv1d, BatchNorm2d, MaxPool3d, LayerNorm2d, ZeroPad2d.
bool ends_with_dimension(std::string_view type) {
  return type.size() > 2 && type.back() == 'd' && type[type.size() - 2] >= '1' &&
         type[type.size() - 2] <= '3';
}

/// Several extents as one.
struct Run {
  std::int64_t count = 1;
  std::int64_t stride = 0;
};

/// The extents as one, if steps of one size go through them in order.
std::optional<Run> collapse(torch::Tensor const& tensor, std::vector<std::int64_t> const& extents) {
  Run run;
  for (auto const extent : extents) {
    auto const count = tensor.size(extent);
    auto const stride = tensor.stride(extent);
    if (count == 1) {
      continue;
    }
    if (run.count > 1 && run.stride != count * stride) {
      return {};
    }
    run = {run.count * count, stride};
  }
  return run;
}

std::vector<std::int64_t> positions_of(torch::Tensor const& tensor, std::int64_t batch_extent,
                                       std::int64_t channel_extent) {
  std::vector<std::int64_t> extents;
  for (std::int64_t i = 0; i < tensor.dim(); ++i) {
    if (i != batch_extent && i != channel_extent) {
      extents.push_back(i);
    }
  }
  return extents;
}

} // namespace

ChannelPlace channel_place(std::string const& type) {
  constexpr std::array<std::string_view, 11> second{
      "GroupNorm",    "SyncBatchNorm",  "Upsample", "PixelShuffle",      "PixelUnshuffle", "Fold",
      "InstanceNorm", "ChannelShuffle", "Unfold",   "LocalResponseNorm", "BatchNorm"};
  constexpr std::array<std::string_view, 16> last{"Linear",
                                                  "LazyLinear",
                                                  "NonDynamicallyQuantizableLinear",
                                                  "Bilinear",
                                                  "LSTM",
                                                  "GRU",
                                                  "RNN",
                                                  "LSTMCell",
                                                  "GRUCell",
                                                  "RNNCell",
                                                  "RMSNorm",
                                                  "LayerNorm",
                                                  "MultiheadAttention",
                                                  "Embedding",
                                                  "EmbeddingBag",
                                                  "Transformer"};
  if (ends_with_dimension(type) || contains(second, type)) {
    return ChannelPlace::second;
  }
  if (contains(last, type) || type.starts_with("TransformerEncoder") ||
      type.starts_with("TransformerDecoder")) {
    return ChannelPlace::last;
  }
  return ChannelPlace::unknown;
}

std::optional<std::int64_t> find_batch(Shape const& shape, std::int64_t batch, Shape const& again,
                                       std::int64_t other_batch) {
  bool const has_other = again.size() == shape.size();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == batch && (!has_other || again[i] == other_batch)) {
      return static_cast<std::int64_t>(i);
    }
  }
  return {};
}

std::int64_t find_channel(Shape const& shape, std::int64_t batch_extent, ChannelPlace place) {
  auto const extents = std::ssize(shape);
  if (extents == 1) {
    return -1;
  }
  if (place == ChannelPlace::second || (place == ChannelPlace::unknown && extents > 3)) {
    return batch_extent == 0 ? 1 : 0;
  }
  return batch_extent == extents - 1 ? extents - 2 : extents - 1;
}

ActivationView layout_of(torch::Tensor const& tensor, std::int64_t batch_extent,
                         std::int64_t channel_extent) {
  ActivationView view;
  view.type = torch_support::element_type_of(tensor.scalar_type());
  view.samples = tensor.size(batch_extent);
  view.channels = channel_extent < 0 ? 1 : tensor.size(channel_extent);
  auto const last = batch_extent == tensor.dim() - 1 ? tensor.dim() - 2 : tensor.dim() - 1;
  view.channels_last = channel_extent == last;
  view.positions = tensor.numel() / (view.samples * view.channels);
  if (auto const run = collapse(tensor, positions_of(tensor, batch_extent, channel_extent))) {
    view.sample_stride = tensor.stride(batch_extent);
    view.channel_stride = channel_extent < 0 ? 1 : tensor.stride(channel_extent);
    view.position_stride = run->stride;
  } else {
    view.sample_stride = view.channels * view.positions;
    view.channel_stride = view.positions;
    view.position_stride = 1;
  }
  return view;
}

LayerView view_of(torch::Tensor const& tensor, std::int64_t batch_extent,
                  std::int64_t channel_extent) {
  auto const plain = tensor.resolve_neg(); // a copy, with strides of its own
  LayerView result{layout_of(plain, batch_extent, channel_extent), plain};
  auto order = positions_of(plain, batch_extent, channel_extent);
  if (!collapse(plain, order)) {
    order.insert(order.begin(), {batch_extent, channel_extent});
    result.tensor = result.tensor.permute(order).contiguous();
  }
  result.view.values = result.tensor.const_data_ptr();
  return result;
}

std::string problem_of(torch::Tensor const& tensor) {
  if (!tensor.defined()) {
    return "its output holds no tensor";
  }
  if (tensor.is_nested()) {
    return "its output is a nested tensor, whose samples have shapes of their own";
  }
  if (tensor.layout() != torch::kStrided) {
    return "its output is a sparse tensor";
  }
  auto const type = tensor.scalar_type();
  if (type != torch::kFloat32 && type != torch::kFloat64 && type != torch::kFloat16 &&
      type != torch::kBFloat16) {
    return "its output holds " + std::string(c10::toString(type)) +
           " values, no floating point numbers";
  }
  return tensor.numel() == 0 ? "its output is empty" : "";
}

} // namespace fod
