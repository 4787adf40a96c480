#include "watch.hpp"

#include "load.hpp"

#include "fod/error.hpp"
#include "fod/pool.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace fod {

namespace {

constexpr std::int64_t most_neurons = 16384;

WatchedLayer watched(LayerRequest const& request, Layer const& layer) {
  auto const& layout = layer.layout;
  // Layers with pixels have their channels first, sequences have them last.
  auto const pooling = layout.channels_last ? request.features : request.channels;
  return {layer, pooling, layout.neurons(pooling)};
}

/// The result file has a group of the layer's name.
void require_name(std::string const& name) {
  if (name.find('/') != std::string::npos) {
    throw bad_input("layer '" + name + "' has no place in the result file",
                    "a '/' in a name of HDF5 leads to another group",
                    "give the module a name without it");
  }
}

void require_size(WatchedLayer const& layer) {
  auto const n = layer.neurons;
  if (n <= most_neurons) {
    return;
  }
  auto const& layout = layer.layer.layout;
  bool const pooled = layer.pooling != Pooling::none || layout.positions == 1;
  throw bad_input("layer " + layer.layer.name + " has " + grouped(n) + " neurons",
                  "their correlations are " + byte_size(n * n * 8) +
                      ", and groups are found among " + grouped(most_neurons) + " at most",
                  pooled ? "choose a smaller layer"
                         : "pool its " + grouped(layout.positions) +
                               " positions by --pool mean or max, which leaves " +
                               grouped(layout.channels));
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

} // namespace

std::string WatchedLayer::pooling_text() const {
  return layer.layout.positions > 1 ? std::string(name_of(pooling)) : std::string();
}

std::vector<WatchedLayer> find_watched(LayerRequest const& request, Model& model) {
  model.begin_batch(0);
  std::vector<WatchedLayer> all;
  for (auto const& layer : choose_layers(model.find_layers(0), request.layers)) {
    require_name(layer.name);
    all.push_back(watched(request, layer));
    require_size(all.back());
  }
  return all;
}

std::string list_layers(LayerRequest const& request, Model& model) {
  model.begin_batch(0);
  std::vector<std::array<std::string, 4>> table{{"LAYER", "TYPE", "OUTPUT", "NEURONS"}};
  for (auto const& layer : model.find_layers(0)) {
    if (!layer.tappable()) {
      table.push_back({layer.name, layer.type, "-", "none: " + layer.problem});
      continue;
    }
    auto const neurons = watched(request, layer);
    auto text = grouped(neurons.neurons);
    if (layer.layout.positions > 1) {
      text += neurons.pooling == Pooling::none
                  ? ", each of " + grouped(layer.layout.positions) + " positions by itself"
                  : ", " + neurons.pooling_text() + " over " + grouped(layer.layout.positions) +
                        " positions";
    }
    table.push_back({layer.name, layer.type, to_string(layer.shape), text});
  }
  std::array<std::size_t, 3> widths{};
  for (auto const& row : table) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size() + 2);
    }
  }
  std::string text;
  for (auto const& row : table) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      text += padded(row[i], widths[i]);
    }
    text += row[3] + "\n";
  }
  return text;
}

LayerWatch::LayerWatch(LayerRequest const& request, Machine const& machine,
                       std::vector<WatchedLayer> layers, Model& model)
    : layers_(std::move(layers)), machine_(machine), model_(model),
      normalise_(request.transform == "l2"), rows_(layers_.size()) {
  if (!normalise_ && !request.transform.empty()) {
    transform_ = open_own_step(request.transform, machine);
  }
  std::vector<Layer> taps;
  for (auto const& watched : layers_) {
    taps.push_back(watched.layer);
  }
  model.set_taps(taps, [this](std::size_t layer, ActivationView const& view, std::int64_t first_row,
                              StreamView stream) { take(layer, view, first_row, stream); });
}

LayerWatch::~LayerWatch() {
  model_.set_taps({}, {});
}

Buffer LayerWatch::make(std::size_t bytes, bool on_host) const {
  using Place = Buffer::Place;
  auto const there = on_host ? Place::pinned : Place::device;
  return {bytes, machine_.device.is_cuda ? there : Place::host};
}

void LayerWatch::begin(std::int64_t batch_size, std::vector<float*> places) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    auto& rows = rows_[i];
    rows.copied = false;
    if (batch_size_ != batch_size) {
      rows.nonfinite = make(static_cast<std::size_t>(batch_size));
      rows.host_nonfinite = make(rows.nonfinite.bytes(), true);
      rows.values = Buffer();
      rows.host = Buffer();
    }
    auto const bytes = static_cast<std::size_t>(batch_size * layers_[i].neurons) * sizeof(float);
    if (!places.empty()) {
      rows.place = places[i];
      rows.values = Buffer();
      continue;
    }
    if (rows.values.bytes() != bytes) {
      rows.values = make(bytes);
    }
    rows.place = rows.values.as<float>().data();
  }
  batch_size_ = batch_size;
}

void LayerWatch::take(std::size_t layer, ActivationView const& view, std::int64_t first_row,
                      StreamView stream) {
  auto const& watched = layers_[layer];
  auto const& known = watched.layer.layout;
  if (view.channels != known.channels || view.positions != known.positions ||
      first_row + view.samples > batch_size_) {
    throw run_failure("layer " + watched.layer.name +
                          " changed its shape: " + std::to_string(view.channels) + " channels at " +
                          std::to_string(view.positions) + " positions",
                      "it had " + std::to_string(known.channels) + " at " +
                          std::to_string(known.positions) + " before",
                      "look at another layer, or pad the samples to one size");
  }
  auto* values = rows_[layer].place + first_row * watched.neurons;
  auto* flags = rows_[layer].nonfinite.as<std::uint8_t>().data() + first_row;
  if (machine_.device.is_cuda) {
    cuda::pool(view, watched.pooling, values, flags, stream);
  } else {
    host::pool(view, watched.pooling, values, flags, machine_.threads);
  }
}

void LayerWatch::transform(std::size_t layer, StreamView stream) {
  auto const neurons = layers_[layer].neurons;
  auto* values = rows(layer);
  if (normalise_ && machine_.device.is_cuda) {
    cuda::l2_normalise(values, batch_size_, neurons, stream);
  } else if (normalise_) {
    host::l2_normalise(values, batch_size_, neurons, machine_.threads);
  }
  if (transform_ == nullptr) {
    return;
  }
  auto* host = const_cast<float*>(on_host(layer).data()); // ours, and written back below
  transform_->apply(host, batch_size_, neurons);
  auto const flags = rows_[layer].host_nonfinite.as<std::uint8_t>();
  for (std::int64_t row = 0; row < batch_size_; ++row) {
    auto const* begin = host + row * neurons;
    bool const finite =
        std::all_of(begin, begin + neurons, [](float value) { return std::isfinite(value); });
    flags[static_cast<std::size_t>(row)] = finite ? 0 : 1; // it may have mended the row, too
  }
  if (machine_.device.is_cuda) {
    copy_async(values, host, bytes_of(layer), stream);
  }
}

void LayerWatch::finish(StreamView stream) {
  stream_ = stream;
  for (auto& rows : rows_) {
    if (machine_.device.is_cuda) {
      copy_async(rows.host_nonfinite.data(), rows.nonfinite.data(), rows.nonfinite.bytes(), stream);
    } else {
      std::swap(rows.host_nonfinite, rows.nonfinite);
    }
  }
  if (machine_.device.is_cuda) {
    there_.wait_for_all_of(stream);
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    transform(i, stream);
  }
}

float* LayerWatch::rows(std::size_t layer) {
  return rows_[layer].place;
}

std::size_t LayerWatch::bytes_of(std::size_t layer) const {
  return static_cast<std::size_t>(batch_size_ * layers_[layer].neurons) * sizeof(float);
}

std::span<float const> LayerWatch::on_host(std::size_t layer) {
  auto& rows = rows_[layer];
  auto const count = bytes_of(layer) / sizeof(float);
  if (!machine_.device.is_cuda) {
    return {rows.place, count};
  }
  if (!rows.copied) {
    if (rows.host.bytes() == 0) {
      rows.host = make(bytes_of(layer), true);
    }
    copy_async(rows.host.data(), rows.place, bytes_of(layer), stream_);
    there_.wait_for_all_of(stream_);
    rows.copied = true;
  }
  return rows.host.as<float>();
}

std::span<std::uint8_t const> LayerWatch::nonfinite(std::size_t layer) const {
  return rows_[layer].host_nonfinite.as<std::uint8_t>();
}

} // namespace fod
