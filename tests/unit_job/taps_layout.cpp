#include "model/layer_layout.hpp"

#include <catch2/catch.hpp>

namespace {

/// The values that a view stands for, (samples, channels, positions).
torch::Tensor gathered(torch::Tensor const& tensor, std::int64_t batch, std::int64_t channel) {
  auto const layer = fod::view_of(tensor, batch, channel);
  auto const& view = layer.view;
  auto const result = torch::empty({view.samples, view.channels, view.positions});
  auto const* values = static_cast<float const*>(view.values);
  auto access = result.accessor<float, 3>();
  for (std::int64_t i = 0; i < view.samples; ++i) {
    for (std::int64_t j = 0; j < view.channels; ++j) {
      for (std::int64_t k = 0; k < view.positions; ++k) {
        access[i][j][k] =
            values[i * view.sample_stride + j * view.channel_stride + k * view.position_stride];
      }
    }
  }
  return result;
}

bool is_copied(torch::Tensor const& tensor, std::int64_t batch, std::int64_t channel) {
  return fod::view_of(tensor, batch, channel).view.values != tensor.const_data_ptr();
}

torch::Tensor counted(fod::Shape const& shape) {
  return torch::arange(fod::element_count(shape), torch::kFloat32).view(shape);
}

} // namespace

TEST_CASE("views of layers have the values of the extents they name", "[taps]") {
  auto const four = counted({2, 3, 4, 5});
  CHECK(torch::equal(gathered(four, 0, 1), four.flatten(2)));
  CHECK(torch::equal(gathered(four, 0, 3), four.permute({0, 3, 1, 2}).flatten(2)));
  CHECK(torch::equal(gathered(four, 1, 3), four.permute({1, 3, 0, 2}).flatten(2)));
  auto const last = four.contiguous(torch::MemoryFormat::ChannelsLast);
  CHECK(torch::equal(gathered(last, 0, 1), four.flatten(2)));
  auto const time_first = counted({4, 2, 3});
  CHECK(torch::equal(gathered(time_first, 1, 2), time_first.permute({1, 2, 0})));
  CHECK(torch::equal(gathered(counted({3}), 0, -1), counted({3, 1, 1})));
  CHECK(torch::equal(gathered(counted({3, 2}), 0, 1), counted({3, 2, 1})));
  CHECK(torch::equal(gathered(counted({2, 3, 1, 1}), 0, 1), counted({2, 3, 1})));
  CHECK(torch::equal(gathered(counted({2, 3, 1}).expand({2, 3, 4}), 0, 1),
                     counted({2, 3, 1}).expand({2, 3, 4})));
  auto const part = counted({2, 3, 8}).slice(2, 0, 8, 2); // every second position
  CHECK(torch::equal(gathered(part, 0, 1), part));
  auto const five = counted({2, 3, 2, 3, 2});
  CHECK(torch::equal(gathered(five, 0, 1), five.flatten(2)));
}

TEST_CASE("views are copies only where three strides do not do", "[taps]") {
  auto const four = counted({2, 3, 4, 5});
  CHECK_FALSE(is_copied(four, 0, 1));
  CHECK_FALSE(is_copied(four.contiguous(torch::MemoryFormat::ChannelsLast), 0, 1));
  CHECK_FALSE(is_copied(four, 0, 3));
  CHECK_FALSE(is_copied(counted({4, 2, 3}), 1, 2));
  CHECK(is_copied(four, 1, 3));                 // the batch lies between positions
  CHECK(is_copied(four.slice(3, 0, 3), 0, 1));  // rows with gaps
  CHECK(is_copied(four.transpose(2, 3), 0, 1)); // positions in another order
  CHECK(torch::equal(gathered(four.slice(3, 0, 3), 0, 1), four.slice(3, 0, 3).flatten(2)));
  CHECK(torch::equal(gathered(four.transpose(2, 3), 0, 1), four.transpose(2, 3).flatten(2)));
}

TEST_CASE("the batch is the extent that follows its size", "[taps]") {
  CHECK(fod::find_batch({6, 6, 8}, 6, {5, 6, 8}, 5) == 0);
  CHECK(fod::find_batch({6, 6, 8}, 6, {6, 5, 8}, 5) == 1);
  CHECK(fod::find_batch({6, 6, 8}, 6, {}, 0) == 0);
  CHECK(fod::find_batch({7, 6, 8}, 6, {}, 0) == 1);
  CHECK(fod::find_batch({7, 8}, 6, {7, 8}, 5) == std::nullopt);
  CHECK(fod::find_batch({6, 8}, 6, {6, 8}, 5) == std::nullopt); // a coincidence
  CHECK(fod::find_batch({6, 6}, 6, {5, 5}, 5) == 0);
}

TEST_CASE("channels are where a type of layer has them", "[taps]") {
  using fod::ChannelPlace;
  for (auto const* type :
       {"Conv1d", "Conv2d", "ConvTranspose3d", "BatchNorm1d", "MaxPool2d", "AdaptiveAvgPool3d",
        "InstanceNorm2d", "GroupNorm", "Upsample", "Dropout2d", "LayerNorm2d"}) {
    CHECK(fod::channel_place(type) == ChannelPlace::second);
  }
  for (auto const* type : {"Linear", "LSTM", "GRU", "RNN", "LayerNorm", "Embedding",
                           "MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoder"}) {
    CHECK(fod::channel_place(type) == ChannelPlace::last);
  }
  for (auto const* type : {"ReLU", "Dropout", "Identity", "Sequential", "Block", "", "d"}) {
    CHECK(fod::channel_place(type) == ChannelPlace::unknown);
  }
  CHECK(fod::find_channel({6}, 0, ChannelPlace::last) == -1);
  CHECK(fod::find_channel({6, 3}, 0, ChannelPlace::last) == 1);
  CHECK(fod::find_channel({6, 3}, 0, ChannelPlace::unknown) == 1);
  CHECK(fod::find_channel({3, 6}, 1, ChannelPlace::unknown) == 0);
  CHECK(fod::find_channel({6, 3, 4}, 0, ChannelPlace::second) == 1);
  CHECK(fod::find_channel({6, 3, 4}, 0, ChannelPlace::unknown) == 2);
  CHECK(fod::find_channel({6, 3, 4, 5}, 0, ChannelPlace::unknown) == 1);
  CHECK(fod::find_channel({6, 3, 4, 5}, 0, ChannelPlace::last) == 3);
  CHECK(fod::find_channel({3, 6, 4}, 1, ChannelPlace::last) == 2);
}

TEST_CASE("tensors that cannot be looked at say why", "[taps]") {
  CHECK(fod::problem_of({}) == "its output holds no tensor");
  CHECK(fod::problem_of(torch::ones({2, 2}).to_sparse()) == "its output is a sparse tensor");
  CHECK(fod::problem_of(torch::ones({2, 2}, torch::kInt64)) ==
        "its output holds Long values, no floating point numbers");
  CHECK(fod::problem_of(torch::ones({0, 2})) == "its output is empty");
  CHECK(fod::problem_of(torch::ones({2, 2}, torch::kBFloat16)).empty());
}
