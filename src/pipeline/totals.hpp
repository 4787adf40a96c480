#pragma once

#include "machine.hpp"

#include "fod/epilogue.hpp"
#include "fod/store.hpp"

/// Inside of the pipeline: figures over all samples.
namespace fod {

/// Sums over samples as integers (fractions in fixed point), so that they do not depend on the
/// order of samples or ranks.
class Totals {
public:
  explicit Totals(std::int64_t classes);

  /// Adds rows that were computed; labels may be empty, negative ones count as unknown.
  void add(EnsembleView const& all, std::int64_t count, std::span<std::int64_t const> labels);
  /// Adds the checksum of a block's input data.
  void add_input(std::uint64_t digest) { sums_[input_hash] += digest; }

  /// Sums over all ranks: from device to device where each has a GPU. Collective.
  void reduce(Comm const& comm, Machine const& machine);

  [[nodiscard]] std::int64_t nonfinite() const {
    return static_cast<std::int64_t>(sums_[nonfinite_rows]);
  }
  [[nodiscard]] std::int64_t unreadable() const {
    return static_cast<std::int64_t>(sums_[unreadable_rows]);
  }
  [[nodiscard]] std::uint64_t input_digest() const { return sums_[input_hash]; }
  [[nodiscard]] store::Metrics metrics() const;

private:
  enum Sum {
    samples,
    nonfinite_rows,
    unreadable_rows,
    labelled,
    correct,
    entropy,
    confidence,
    ensemble_rows, ///< that have the three after it
    aleatoric,
    epistemic,
    disagreement,
    input_hash,
    head
  };
  std::vector<std::uint64_t> sums_; ///< by `Sum`, then predictions per class
};

} // namespace fod
