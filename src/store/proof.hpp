#pragma once

#include "blocks.hpp"

/// Inside of the store module: that a file holds what was written.
namespace fod::store {

/// What one rank found in its share of a partial file.
struct Proof {
  IdEvidence ids;
  /// A block that is not marked done, or of which a section is not what was written.
  struct BadBlock {
    std::int64_t block = 0;
    std::string section; ///< empty: it is not marked
  };
  std::vector<BadBlock> bad; ///< the first per rank
  static constexpr std::size_t most_bad = 1000;
};

/// Reads the blocks of a ledger back. @param visitor is shown them; may be null
Proof prove_blocks(ResultReader const& reader, Ledger const& ledger, IndexRange blocks,
                   RowVisitor* visitor);

/// Takes the marks from blocks of a partial file, so that they are done again.
void clear_marks(std::string const& partial, Ledger const& ledger, IndexRange blocks_of_file,
                 std::vector<std::int64_t> const& blocks);

} // namespace fod::store
