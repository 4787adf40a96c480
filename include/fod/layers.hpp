#pragma once

#include "fod/activations.hpp"
#include "fod/device.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fod {

/// A layer of a model, which is any submodule, or one of its calls in a forward.
///
/// What is a channel and what a position follows from its type. (B, F): features are channels.
/// Convolutions, pooling, batch normalisation and the like: (B, C, …), extent 1. Linear, recurrent,
/// embedding, attention and transformer layers: the last extent. Others (activations, containers,
/// classes of the user's): as the last of those that ran before them, if number of extents and
/// channels agree; else the last of 3 extents, the second of 4 or 5. All other extents but the
/// batch are positions.
struct Layer {
  std::string name;                 ///< as named_modules() gives it; "fc#1" for its second call
  std::vector<std::string> aliases; ///< further names of the same call, of a shared module
  std::string type;                 ///< "Linear", "Conv2d", "LSTM"; empty if it is not known
  std::string problem;              ///< why it cannot be tapped; empty if it can
  ElementType element_type = ElementType::float32;
  Shape shape;                     ///< of the first tensor of its output, for a batch
  std::int64_t batch_extent = 0;   ///< which extent is the batch
  std::int64_t channel_extent = 1; ///< which one the channels, -1: it has none, so one channel
  std::int64_t calls = 0;          ///< of the module in a forward
  ActivationView layout;           ///< as its views will come; the values are null

  [[nodiscard]] bool tappable() const { return problem.empty(); }
};

/// Takes a layer's output inside of the forward. The view is valid, on the stream, during the call
/// only. What it throws ends the forward and comes out of it as it is.
/// @param tap index into the layers that were asked for
/// @param first_row row of the batch that the view's first sample is. A batch may come in parts
///        (after memory ran out), and rows may come again: the last ones count
using TapSink = std::function<void(std::size_t tap, ActivationView const& view,
                                   std::int64_t first_row, StreamView stream)>;

/// The layers that the patterns select, in the order in which they ran, each once. A name selects
/// its call (`fc` the first, `fc#1` the second), a glob (`*` matches dots too, `?`, `[a-c]`) all
/// tappable calls. A leading `module.` is ignored on either side.
/// @throws Error (usage) for a name that is none, with near ones, or that cannot be tapped, with
///         the reason; for a glob that selects nothing
std::vector<Layer> choose_layers(std::vector<Layer> const& layers,
                                 std::vector<std::string> const& patterns);

} // namespace fod
