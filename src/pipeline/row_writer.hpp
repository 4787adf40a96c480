#pragma once

#include "machine.hpp"
#include "rows.hpp"

#include "fod/backlog.hpp"

#include <array>

/// Inside of the pipeline: rows into the file, behind the loop.
namespace fod {

/// True if rows are written by a thread of its own: on a GPU, or if the model leaves it a core.
bool writes_behind(Machine const& machine);

/// Collects rows and writes them, in the loop's order, by a thread of its own if there is a core
/// for it. What fails there is thrown by one of the next calls.
class RowWriter {
public:
  /// @param behind false: all is written when it is told
  RowWriter(store::ResultWriter& writer, store::Layout const& layout, bool behind);

  /// As a `RowBuffer`'s; the arguments are read at once.
  void append(IndexRange samples, BatchResults const& results, std::span<std::int64_t const> labels,
              std::span<float const* const> activations);
  /// All rows of a block were appended.
  void complete_block(std::int64_t block, store::BlockFacts const& facts);
  /// Rows to the disk, then the marks of their blocks.
  void checkpoint();
  /// Waits until all that was told is done.
  void drain() { backlog_.drain(); }
  /// Forgets the rows since the last block.
  void drop_block();
  /// After a failure, wherever it was: saves the blocks that are complete.
  /// @return false if that cannot be done, or was what failed: trying again makes nothing safe
  bool save_what_can_be();

private:
  /// Writes what is collected, and goes on with the other buffer once that is written.
  void flush();
  void forget();

  store::ResultWriter& writer_;
  std::array<RowBuffer, 2> buffers_;
  std::array<std::int64_t, 2> flushes_{}; ///< steps that write these
  std::size_t current_ = 0;               ///< of the buffers
  bool in_checkpoint_ = false;            ///< or it has failed
  Backlog backlog_;                       ///< ends before what it uses
};

} // namespace fod
