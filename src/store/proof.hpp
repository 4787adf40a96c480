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

  void add(BadBlock block);
  /// What was found in the blocks that follow.
  void join(Proof const& next);
};

/// Reads the blocks of a ledger back. @param visitors as of `ResultWriter::end_pass`
Proof prove_blocks(ResultReader const& reader, Ledger const& ledger, IndexRange blocks,
                   std::span<RowVisitor* const> visitors);

/// Takes the marks from blocks that are not as they were written, so that they are done again.
/// Collective. @throws AgreedError (failed) naming the first, if there are any on some rank
void require_good(Proof const& proof, std::string const& partial, Layout const& layout,
                  Ledger const& ledger, Comm const& comm);

/// @param mine the blocks of the proof. Collective.
/// @throws AgreedError (failed) unless the ranks found every id once
void require_all_ids(Proof const& proof, std::string const& partial, Layout const& layout,
                     IndexRange mine, Comm const& comm);

} // namespace fod::store
