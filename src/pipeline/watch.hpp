#pragma once

#include "inputs.hpp"
#include "machine.hpp"

#include "fod/layers.hpp"

#include <memory>

/// Inside of the pipeline: the layers that are looked at while the model runs.
namespace fod {

/// One of them, and what its neurons are.
struct WatchedLayer {
  Layer layer;
  Pooling pooling = Pooling::mean;
  std::int64_t neurons = 0;

  /// "mean"; empty where a sample has one position.
  [[nodiscard]] std::string pooling_text() const;
};

/// The layers that --layers names, with their neurons. The inputs hold a batch, input types are
/// set. @throws Error (usage) for names that are none and layers too large for groups
std::vector<WatchedLayer> find_watched(LayerRequest const& request, Model& model);

/// The table of --list-layers.
std::string list_layers(LayerRequest const& request, Model& model);

/// The activations of the current batch, pooled: a row per sample, a column per neuron.
class LayerWatch {
public:
  /// From now on `model` hands its activations here.
  LayerWatch(LayerRequest const& request, Machine const& machine, std::vector<WatchedLayer> layers,
             Model& model);
  LayerWatch(LayerWatch const&) = delete;
  LayerWatch& operator=(LayerWatch const&) = delete;
  ~LayerWatch();

  [[nodiscard]] std::vector<WatchedLayer> const& layers() const { return layers_; }

  /// To be called before a forward, with the number of samples of its batch.
  /// @param places where the rows go, by layer; empty: into memory of its own
  void begin(std::int64_t batch_size, std::vector<float*> places = {});
  /// To be called after it: waits for the activations, changes them as --tap-transform says.
  void finish(StreamView stream);

  /// Of the batch, where the model runs: float32 (batch, neurons).
  [[nodiscard]] float* rows(std::size_t layer);
  /// The same on the host, valid until the next call.
  [[nodiscard]] std::span<float const> on_host(std::size_t layer);
  /// By row: not 0 if an activation is NaN or infinite.
  [[nodiscard]] std::span<std::uint8_t const> nonfinite(std::size_t layer) const;

private:
  void take(std::size_t layer, ActivationView const& view, std::int64_t first_row,
            StreamView stream);
  void transform(std::size_t layer, StreamView stream);
  [[nodiscard]] std::size_t bytes_of(std::size_t layer) const;
  [[nodiscard]] Buffer make(std::size_t bytes, bool on_host = false) const;

  /// Memory for one layer.
  struct Rows {
    float* place = nullptr; ///< where the model runs
    Buffer values;          ///< memory of its own for that
    Buffer host;            ///< a copy, if that is a device
    Buffer nonfinite;       ///< by row, where the model runs
    Buffer host_nonfinite;
    bool copied = false; ///< `host` is of this batch
  };

  std::vector<WatchedLayer> layers_;
  Machine const& machine_;
  Model& model_;
  bool normalise_ = false;                   ///< --tap-transform l2
  std::shared_ptr<HostTransform> transform_; ///< or one of the user's own
  std::int64_t batch_size_ = 0;
  StreamView stream_;
  Event there_; ///< what the host reads
  std::vector<Rows> rows_;
};

} // namespace fod
