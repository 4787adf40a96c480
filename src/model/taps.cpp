#include "taps.hpp"

#include "layer_layout.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <charconv>

namespace fod {

namespace {

/// "fc", "fc#1".
std::string with_call(std::string const& name, std::int64_t call) {
  return call == 0 ? name : name + "#" + std::to_string(call);
}

/// The inverse.
std::pair<std::string, std::int64_t> split_call(std::string const& text) {
  std::int64_t call = 0;
  auto const at = text.rfind('#');
  if (at == std::string::npos) {
    return {text, 0};
  }
  std::from_chars(text.data() + at + 1, text.data() + text.size(), call);
  return {text.substr(0, at), call};
}

/// The call-th call of a submodule, or null.
SeenCall const* find_call(SeenForward const& seen, std::size_t submodule, std::int64_t call) {
  for (auto const& one : seen.calls) {
    if (one.submodule == submodule && call-- == 0) {
      return &one;
    }
  }
  return nullptr;
}

Layer named(Submodule const& submodule, std::int64_t call) {
  Layer layer;
  layer.name = with_call(submodule.name, call);
  for (auto const& alias : submodule.aliases) {
    layer.aliases.push_back(with_call(alias, call));
  }
  layer.type = submodule.type;
  return layer;
}

/// Why a submodule was not called.
std::string reason_of_silence(Submodule const& silent, std::vector<Submodule> const& submodules,
                              std::vector<std::int64_t> const& calls) {
  if (!silent.unseen.empty()) {
    return silent.unseen;
  }
  for (std::size_t i = 0; i < submodules.size(); ++i) {
    auto const& outer = submodules[i];
    bool const fuses =
        outer.type == "TransformerEncoderLayer" || outer.type == "MultiheadAttention";
    if (fuses && calls[i] > 0 && silent.name.starts_with(outer.name + ".")) {
      return "it is not called in the forward: " + outer.name + ", a " + outer.type +
             ", computes it in a fused operation";
    }
  }
  return "it is not called in the forward";
}

/// A layer with a known place of its channels, for those that follow it.
struct Known {
  Shape shape;
  std::int64_t channel_extent;
  ChannelPlace place;
};

/// Of the last that fits: as many extents, and as many channels.
ChannelPlace inherited_place(std::vector<Known> const& known, Shape const& shape) {
  auto const found = std::find_if(known.rbegin(), known.rend(), [&](Known const& one) {
    auto const channel = static_cast<std::size_t>(one.channel_extent);
    return one.shape.size() == shape.size() && one.shape[channel] == shape[channel];
  });
  return found == known.rend() ? ChannelPlace::unknown : found->place;
}

/// Sets what follows from the output's shape.
void set_extents(Layer& layer, SeenCall const& call, std::int64_t batch, std::int64_t full_batch,
                 std::vector<Known>& known) {
  auto place = channel_place(layer.type);
  bool const is_known = place != ChannelPlace::unknown;
  if (!is_known) {
    place = inherited_place(known, layer.shape);
  }
  layer.channel_extent = find_channel(layer.shape, layer.batch_extent, place);
  if (is_known && layer.shape.size() > 2) {
    known.push_back({layer.shape, layer.channel_extent, place});
  }
  layer.layout = layout_of(call.like, layer.batch_extent, layer.channel_extent);
  if (batch != full_batch) { // parts of a batch are what will come, yet it is told as a whole
    layer.shape[static_cast<std::size_t>(layer.batch_extent)] = full_batch;
  }
}

Error unlike(Layer const& layer, std::string const& what) {
  return run_failure("layer '" + layer.name + "' " + what,
                     "unlike in the forward in which it was found, of block 0",
                     "leave it out of --layers, or mend the model");
}

} // namespace

void SeenForward::add(std::size_t submodule, LayerOutput const& output) noexcept {
  SeenCall call{submodule, {}, output.problem};
  try {
    if (call.problem.empty()) {
      call.problem = problem_of(output.tensor);
    }
    if (call.problem.empty()) {
      call.like = torch::empty_strided(output.tensor.sizes(), output.tensor.strides(),
                                       output.tensor.options().device(torch::kMeta));
    }
  } catch (std::exception const& error) { // of unusual kinds of tensors
    call.problem = "its output has no plain shape: " + torch_support::reason(error);
  }
  calls.push_back(std::move(call));
}

std::vector<Layer> describe_layers(std::vector<Submodule> const& submodules,
                                   SeenForward const& seen, SeenForward const& again,
                                   std::int64_t full_batch) {
  std::vector<Layer> layers;
  std::vector<Known> known;
  std::vector<std::int64_t> calls(submodules.size(), 0);
  for (auto const& call : seen.calls) {
    auto const index = calls[call.submodule]++;
    auto layer = named(submodules[call.submodule], index);
    layer.problem = call.problem;
    if (layer.tappable()) {
      layer.element_type = torch_support::element_type_of(call.like.scalar_type());
      layer.shape = call.like.sizes().vec();
      auto const* other = find_call(again, call.submodule, index);
      bool const comparable = other != nullptr && other->like.defined();
      auto const extent = find_batch(layer.shape, seen.batch,
                                     comparable ? other->like.sizes().vec() : Shape(), again.batch);
      if (extent) {
        layer.batch_extent = *extent;
        set_extents(layer, call, seen.batch, full_batch, known);
      } else {
        layer.problem = "no extent of its output " + to_string(layer.shape) + " is the batch of " +
                        std::to_string(seen.batch);
      }
    }
    layers.push_back(std::move(layer));
  }
  for (auto& layer : layers) {
    auto const name = split_call(layer.name).first;
    layer.calls = std::count_if(seen.calls.begin(), seen.calls.end(), [&](SeenCall const& call) {
      return submodules[call.submodule].name == name;
    });
  }
  for (std::size_t i = 0; i < submodules.size(); ++i) {
    if (calls[i] == 0) {
      layers.push_back(named(submodules[i], 0));
      layers.back().problem = reason_of_silence(submodules[i], submodules, calls);
    }
  }
  return layers;
}

Taps::Taps(std::vector<Layer> const& layers, std::vector<Submodule> const& submodules, TapSink sink,
           Device device)
    : calls_(submodules.size(), 0), sink_(std::move(sink)), device_(std::move(device)) {
  for (auto const& layer : layers) {
    auto const parts = split_call(layer.name);
    auto const found =
        std::find_if(submodules.begin(), submodules.end(),
                     [&](Submodule const& submodule) { return submodule.name == parts.first; });
    if (found == submodules.end()) {
      throw bad_input("the model has no layer '" + parts.first + "'",
                      "it was found in another model", "--list-layers shows them");
    }
    if (!layer.tappable()) {
      throw bad_input("layer '" + layer.name + "' cannot be tapped", layer.problem,
                      "--list-layers shows those that can");
    }
    taps_.push_back({layer, static_cast<std::size_t>(found - submodules.begin()), parts.second});
  }
}

std::vector<std::size_t> Taps::submodules() const {
  std::vector<std::size_t> all;
  for (auto const& tap : taps_) {
    if (std::find(all.begin(), all.end(), tap.submodule) == all.end()) {
      all.push_back(tap.submodule);
    }
  }
  return all;
}

void Taps::begin(IndexRange rows) {
  std::fill(calls_.begin(), calls_.end(), 0);
  rows_ = rows;
  failure_ = nullptr;
}

void Taps::called(std::size_t submodule, LayerOutput const& output) noexcept {
  try {
    auto const call = calls_[submodule]++;
    for (std::size_t i = 0; i < taps_.size() && failure_ == nullptr; ++i) {
      if (taps_[i].submodule == submodule && taps_[i].call == call) {
        deliver(i, output);
      }
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
}

void Taps::deliver(std::size_t tap, LayerOutput const& output) const {
  auto const& one = taps_[tap];
  auto const problem = output.problem.empty() ? problem_of(output.tensor) : output.problem;
  if (!problem.empty()) {
    throw unlike(one.layer, "cannot be looked at: " + problem);
  }
  auto shape = one.layer.shape;
  shape[static_cast<std::size_t>(one.layer.batch_extent)] = rows_.size();
  if (output.tensor.sizes() != shape) {
    throw unlike(one.layer, "gave shape " + to_string(output.tensor.sizes().vec()) + " where " +
                                to_string(shape) + " was expected");
  }
  auto const here = output.tensor.to(torch_support::torch_device(device_));
  auto const layer = view_of(here, one.layer.batch_extent, one.layer.channel_extent);
  StreamView stream;
  if (device_.is_cuda) {
    stream.handle = c10::cuda::getCurrentCUDAStream().stream();
  }
  sink_(tap, layer.view, rows_.begin, stream);
}

void Taps::finish() const {
  if (failure_ != nullptr) {
    std::rethrow_exception(failure_);
  }
  for (auto const& tap : taps_) {
    auto const calls = calls_[tap.submodule];
    if (calls <= tap.call) {
      throw unlike(tap.layer, "did not run");
    }
    if (calls > tap.layer.calls) {
      throw unlike(tap.layer, "ran " + counted(calls, "time") + " instead of " +
                                  std::to_string(tap.layer.calls));
    }
  }
}

} // namespace fod
