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
/// outputs are; steps of the user's own run on the host.
class Epilogue {
public:
  Epilogue(Device const& device, EpilogueShape shape, std::vector<HostStep> steps = {});

  /// Queues the pass over a member's output; `values` live until `finish`.
  void add(std::int64_t member, void const* values, EpilogueSpec const& spec, StreamView stream);
  /// Joins the members. The results are on the host, valid until the next `add`.
  [[nodiscard]] BatchResults finish(std::int64_t rows, StreamView stream);

private:
  /// Where everything is in a buffer, in this order.
  struct Places {
    double* weights = nullptr;
    EpilogueView members;
    EnsembleView joined;
  };
  [[nodiscard]] Places places(void* start, std::size_t* bytes = nullptr) const;
  [[nodiscard]] EpilogueView of_member(EpilogueView members, std::int64_t member) const;
  [[nodiscard]] EnsembleSpec ensemble(std::int64_t rows, double const* weights) const;
  void run_steps(std::int64_t rows) const;

  bool on_device_;
  EpilogueShape shape_;
  std::vector<HostStep> steps_;
  std::size_t bytes_ = 0;
  Buffer host_;
  Buffer device_;
};

} // namespace fod
