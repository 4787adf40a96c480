#pragma once

#include "fod/store.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace fod {

/// Sums over the rows of a result file, read back from it: as integers (fractions in fixed point),
/// so that they depend neither on the order of samples nor on ranks, resuming or merging.
class Totals : public store::RowVisitor {
public:
  /// Samples that are named in messages.
  static constexpr std::size_t most_named = 10;

  explicit Totals(store::Layout const& layout);

  void rows(store::Section const& section, IndexRange rows, std::byte const* data) override;
  void end_block(std::int64_t block, store::BlockFacts const& facts) override;

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
  template <class T>
  [[nodiscard]] T value(char const* path, std::size_t row) const;
  [[nodiscard]] std::int64_t label(std::size_t row) const;

  store::Layout layout_;
  std::map<std::string, std::vector<std::byte>> columns_; ///< of the block, by path
  std::vector<std::uint64_t> sums_; ///< some figures, then predictions per class
  std::vector<std::int64_t> nonfinite_;
  std::vector<std::int64_t> unreadable_;
};

} // namespace fod
