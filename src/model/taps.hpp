#pragma once

#include "backend.hpp"

#include "fod/layers.hpp"

#include <exception>

/// Inside of the model module: from what a backend reports of its submodules' calls to layers, and
/// to the views that a sink gets.
namespace fod {

/// One call of a submodule, as a forward showed it.
struct SeenCall {
  std::size_t submodule = 0;
  torch::Tensor like;  ///< shape, strides and type of its output, without values
  std::string problem; ///< why its output cannot be looked at; empty if it can
};

/// What one forward of `batch` samples showed.
struct SeenForward {
  std::int64_t batch = 0;
  std::vector<SeenCall> calls; ///< in order of their ends

  void add(std::size_t submodule, LayerOutput const& output) noexcept;
};

/// The layers of a model.
/// @param again a forward of another number of samples, which tells what extent is the batch; its
///        calls are empty if the model takes no other
/// @param full_batch what the shapes are told for
std::vector<Layer> describe_layers(std::vector<Submodule> const& submodules,
                                   SeenForward const& seen, SeenForward const& again,
                                   std::int64_t full_batch);

/// The layers that are handed to a sink.
class Taps {
public:
  Taps() = default;
  /// @throws Error (usage) for a layer that is none of the model's, or cannot be tapped
  Taps(std::vector<Layer> const& layers, std::vector<Submodule> const& submodules, TapSink sink,
       Device device);

  [[nodiscard]] std::vector<std::size_t> submodules() const;

  /// A forward of these rows of a batch begins.
  void begin(IndexRange rows);
  /// A submodule's call has ended. What goes wrong here, or in the sink, is kept for `finish`.
  void called(std::size_t submodule, LayerOutput const& output) noexcept;
  /// The first thing that went wrong in the forward, if any.
  [[nodiscard]] std::exception_ptr failure() const { return failure_; }
  /// The forward has ended. @throws Error (failed) if a layer was not called as often as it should
  void finish() const;

private:
  struct Tap {
    Layer layer;
    std::size_t submodule = 0;
    std::int64_t call = 0;
  };
  void deliver(std::size_t tap, LayerOutput const& output) const;

  std::vector<Tap> taps_;
  std::vector<std::int64_t> calls_; ///< of this forward, by submodule
  TapSink sink_;
  Device device_;
  IndexRange rows_;
  std::exception_ptr failure_;
};

} // namespace fod
