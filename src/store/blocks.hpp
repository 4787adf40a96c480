#pragma once

#include "layout.hpp"
#include "row_window.hpp"

#include "fod/checksum.hpp"

#include <functional>
#include <memory>

/// Inside of the store module: checksums of blocks and their reading back.
namespace fod::store {

/// What proves that a set of ids is complete without holding it: sums modulo 2^64.
struct IdEvidence {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  std::uint64_t hash = 0; ///< sum of every id's own hash

  void add(std::int64_t id);
  IdEvidence& operator+=(IdEvidence const& other);
  bool operator==(IdEvidence const&) const = default;
};
IdEvidence evidence_of(IndexRange ids);

/// Reads whole blocks of a file and hands every piece on. Memory is bounded whatever the size.
class BlockScanner {
public:
  BlockScanner(ResultReader const& reader, Ledger const& ledger);
  /// Of some blocks (of the grid): of a ledger of a billion samples no more than these is read.
  BlockScanner(ResultReader const& reader, Ledger const& ledger, IndexRange part);

  /// A piece of rows of one section, in the section's own type.
  using Piece = std::function<void(std::size_t section, IndexRange rows, std::byte const* data)>;

  /// Reads all sections of a block (of the grid), /distributions last. The digest of each section,
  /// in the ledger's order.
  std::vector<std::uint64_t> scan(std::int64_t block, Piece const& piece);

  /// Marks and checksums on record for a block of the grid.
  [[nodiscard]] bool done(std::int64_t block) const;
  [[nodiscard]] std::uint64_t recorded(std::int64_t block, std::size_t section) const;
  /// What else is on record; nothing in the second ledger.
  [[nodiscard]] BlockFacts facts(std::int64_t block) const;
  [[nodiscard]] Section const& section(std::size_t at) const { return sections_[at]; }

private:
  /// Of a block in what was read.
  [[nodiscard]] std::size_t row_of(std::int64_t block) const {
    return static_cast<std::size_t>(block - blocks_.begin);
  }

  [[nodiscard]] IndexRange rows_of(IndexRange blocks) const;

  ResultReader const& reader_;
  IndexRange blocks_; ///< whose part of the ledger was read
  std::vector<Section> sections_;
  std::vector<std::size_t> order_; ///< in which they are read
  std::vector<std::uint8_t> done_;
  std::vector<std::uint64_t> checksums_;
  std::vector<std::uint64_t> inputs_; ///< empty in the second ledger
  std::vector<std::int64_t> micro_batches_;
  std::vector<RowWindow> windows_; ///< one for each section
};

} // namespace fod::store
