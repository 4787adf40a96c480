#pragma once

#include "prepare.hpp"
#include "work.hpp"

#include "fod/read_ahead.hpp"

#include <exception>

/// Inside of the pipeline: samples on their way into the model.
namespace fod {

/// A batch that was read: its inputs are in a slot of the model.
struct ReadBatch {
  Todo todo; ///< the block that it is of
  IndexRange samples;
  bool ends_block = false;
  std::size_t slot = 0;
  std::uint64_t digest = 0;             ///< `block_digest`, of the last batch of a block
  std::vector<std::int64_t> unreadable; ///< samples

  /// As in /labels; empty without labels. @throws Error (failed) if they could not be read
  [[nodiscard]] std::span<std::int64_t const> labels() const {
    if (labels_failure != nullptr) {
      std::rethrow_exception(labels_failure);
    }
    return stored_labels;
  }
  std::vector<std::int64_t> stored_labels;
  std::exception_ptr labels_failure; ///< told of when the rest of the batch is known to be right
};

/// True if the data of a job are read by a thread of its own, while the model runs: where other
/// threads may read them, and the model leaves them cores.
bool reads_ahead(Inputs const& inputs, Machine const& machine);

/// Input slots that a job takes. @param depth batches that are under way at a time
std::size_t input_slots(bool ahead, std::size_t depth);

/// Reads the batches of some blocks in order, ahead of the model if that is possible.
class BatchReader {
public:
  /// @param todo as long as this lives
  BatchReader(Prepared& job, std::span<Todo const> todo, std::size_t depth);

  /// The next batch, until `release`; null after the last one.
  /// @throws whatever reading its inputs threw
  [[nodiscard]] ReadBatch const* next();
  /// The oldest that is not released.
  [[nodiscard]] ReadBatch const& oldest() const { return batches_[released_ % batches_.size()]; }
  /// The oldest is done with.
  void release();

private:
  [[nodiscard]] bool read(std::size_t slot);
  void read_labels(ReadBatch& batch) const;

  Inputs const& inputs_;
  BlockGrid grid_;
  std::span<Todo const> todo_;
  std::size_t released_ = 0;
  // Of whoever reads.
  std::size_t block_ = 0;                                 ///< of `todo_`
  std::int64_t begin_ = 0;                                ///< of the next batch, within the block
  Checksum data_;                                         ///< of the block so far
  std::vector<std::vector<std::span<std::byte>>> memory_; ///< by slot and field
  std::vector<ReadBatch> batches_;                        ///< by slot
  ReadAhead ahead_;                                       ///< ends before what it uses
};

} // namespace fod
