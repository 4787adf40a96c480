#pragma once

#include "fod/kernels.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace fod {

/// Sizes of what a batch leaves behind.
struct EpilogueShape {
  std::int64_t most_rows = 0;
  std::int64_t classes = 0;
  std::vector<double> weights{1.0}; ///< of the members, summing to 1
  bool logits = false;              ///< keep the outputs themselves

  [[nodiscard]] std::int64_t members() const { return std::ssize(weights); }
};

/// Results of a batch on the host. Of one member alone the ensemble's fields are null.
struct BatchResults {
  EnsembleView joined;
  EpilogueView members; ///< rows of the first member come first, `member_rows` apart
  std::int64_t member_rows = 0;
};

/// A step of the user's own, and the chain of built-in ones that follows it.
struct HostStep {
  std::shared_ptr<HostTransform> change;
  TransformChain then;
};

/// From model outputs to the rows of the file: owns the memory and runs the passes where the
/// outputs are; steps of the user's own run on the host. On a GPU the results come back on a stream
/// of their own, so that the host can work on a batch while the next one is computed.
class Epilogue {
public:
  /// @param depth batches that may be under way at a time
  Epilogue(Device const& device, EpilogueShape shape, std::vector<HostStep> steps = {},
           std::size_t depth = 1);

  /// Queues the pass over a member's output of the next batch; `values` live until its results were
  /// received.
  void add(std::int64_t member, void const* values, EpilogueSpec const& spec, StreamView stream);
  /// Queues what joins the members and brings the results to the host. What is added from now on is
  /// of the batch after it.
  void send(std::int64_t rows, StreamView stream);
  /// Waits for the oldest batch that was sent. Its results are on the host, valid until the first
  /// `add` of the batch `depth` after it.
  [[nodiscard]] BatchResults receive();
  /// Both: the results are valid until the next `add` if `depth` is 1.
  [[nodiscard]] BatchResults finish(std::int64_t rows, StreamView stream) {
    send(rows, stream);
    return receive();
  }
  [[nodiscard]] std::size_t depth() const { return slots_.size(); }

  /// Bytes on the host, and as many on a GPU.
  static std::int64_t bytes(EpilogueShape const& shape, std::size_t depth);

private:
  /// Where everything is in a buffer, in this order.
  struct Places {
    double* weights = nullptr;
    EpilogueView members;
    EnsembleView joined;
  };
  /// What one batch takes on its way.
  struct Slot {
    Buffer host;
    Buffer device;
    Event computed;
    Event copied;
    std::int64_t rows = 0;
  };
  static Places places(EpilogueShape const& shape, void* start, std::size_t* bytes = nullptr);
  [[nodiscard]] Places places(Buffer const& buffer) const { return places(shape_, buffer.data()); }
  [[nodiscard]] EpilogueView of_member(EpilogueView members, std::int64_t member) const;
  [[nodiscard]] EnsembleSpec ensemble(std::int64_t rows, double const* weights) const;
  [[nodiscard]] Slot& slot(std::size_t batch) { return slots_[batch % slots_.size()]; }
  void run_steps(Slot const& slot) const;

  bool on_device_;
  EpilogueShape shape_;
  std::vector<HostStep> steps_;
  std::vector<Slot> slots_;
  Stream results_;           ///< to the host
  std::size_t sent_ = 0;     ///< batches
  std::size_t received_ = 0; ///< of these
};

} // namespace fod
