#pragma once

#include "fod/scores.hpp"
#include "fod/store.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fod {

/// Sums over the rows of a result file, read back from it: as integers (fractions in fixed point),
/// so that they depend neither on the order of samples nor on ranks, resuming or merging. Figures
/// that need labels are those of `fod metrics`, but for the rounding of each term to 2^-28.
class Totals : public store::RowVisitor {
public:
  /// Samples that are named in messages.
  static constexpr std::size_t most_named = 10;

  explicit Totals(store::Layout const& layout);

  void rows(store::Section const& section, IndexRange rows, std::byte const* data) override;
  void end_block(std::int64_t block, store::BlockFacts const& facts) override;

  /// Adds sums over the rows that follow.
  void add(Totals const& next);

  /// All sums, to be added over ranks modulo 2^64.
  [[nodiscard]] std::span<std::uint64_t> sums() { return sums_; }

  [[nodiscard]] std::int64_t nonfinite() const;
  /// Sum over blocks of the digests of their input data.
  [[nodiscard]] std::uint64_t input_digest() const;
  [[nodiscard]] store::Metrics metrics() const;
  /// The first samples, of the blocks that were shown here, whose rows are not finite.
  [[nodiscard]] std::vector<std::int64_t> const& named_nonfinite() const { return nonfinite_; }
  /// The same for those whose input could not be read.
  [[nodiscard]] std::vector<std::int64_t> const& named_unreadable() const { return unreadable_; }

private:
  void add_row(std::size_t row, std::int64_t sample);
  void add_distributions(store::Section const& section, IndexRange rows, std::byte const* data);
  /// Of the row in `probabilities_`.
  void add_scores(std::int64_t label_of_row);
  void add_to_bin(std::size_t bins, double confidence, bool hit);
  [[nodiscard]] std::vector<metrics::ReliabilityBin> bins_at(std::size_t bins) const;
  void tell_scores(store::Metrics& figures) const;
  template <class T>
  [[nodiscard]] T value(std::size_t column, std::size_t row) const;
  [[nodiscard]] std::int64_t label(std::size_t row) const;

  store::Layout layout_;
  std::vector<std::vector<std::byte>> columns_; ///< of the block, by section
  std::size_t seen_ = 0;                        ///< distributions of the block
  std::vector<double> probabilities_;           ///< of a row
  /// Some figures, predictions per class; with labels also labels per class, then bins of the
  /// confidence, then bins of the probability of each class.
  std::vector<std::uint64_t> sums_;
  std::size_t label_counts_ = 0; ///< where these begin
  std::size_t top_bins_ = 0;
  std::size_t class_bins_ = 0;
  std::vector<std::int64_t> nonfinite_;
  std::vector<std::int64_t> unreadable_;
};

} // namespace fod
