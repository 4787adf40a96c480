#pragma once

#include "fod/checksum.hpp"
#include "fod/epilogue.hpp"
#include "fod/store.hpp"

#include <functional>

/// Inside of the pipeline: results on their way into the file.
namespace fod {

/// Beside the bits of RowFlag: an input of the row's sample could not be read.
constexpr std::uint8_t row_unreadable = 1 << 7;

/// Replaces what was computed for samples that could not be read: NaN, and -1 as the prediction.
/// @param results of the batch `samples`; @param unreadable some of these samples
void mark_unreadable(BatchResults const& results, IndexRange samples, store::Layout const& layout,
                     std::span<std::int64_t const> unreadable);

/// Of a block's input data and its place, so that a sum of them tells order too.
std::uint64_t block_digest(Checksum const& data, std::int64_t block);

/// Collects the rows of several batches, so that the file gets few, large writes.
class RowBuffer {
public:
  /// Takes rows (numbers within the file) of a section, in the section's own type.
  using Sink = std::function<void(std::size_t section, IndexRange rows, void const* data)>;
  RowBuffer(store::Layout const& layout, Sink sink);

  /// Where the rows of a section come from.
  enum class Where { results, ids, status, labels, members, logits, activations };
  using Find = void const* (*)(EnsembleView const&);

  /// Appends the first `samples.size()` rows of a batch; rows follow one another without a gap.
  /// @param labels empty if the file has none
  /// @param activations on the host, of the layers that the file keeps, in its order
  void append(IndexRange samples, BatchResults const& results, std::span<std::int64_t const> labels,
              std::span<float const* const> activations = {});
  /// True once there is enough for a large write.
  [[nodiscard]] bool full() const;
  /// Hands what is collected on; its memory stays.
  void flush();
  /// Forgets what is collected.
  void drop();

private:
  /// Rows of a section that are collected.
  struct Column {
    store::Section section;
    Where where = Where::results;
    Find find = nullptr;          ///< of `Where::results`
    std::size_t activations = 0;  ///< which, of `Where::activations`
    std::vector<std::byte> bytes; ///< keeps its memory

    [[nodiscard]] std::size_t row_bytes() const {
      return static_cast<std::size_t>(section.row_bytes());
    }
  };
  static Column column_of(store::Section section);
  static void push(Column& column, void const* rows, std::size_t count);
  void push_members(Column& column, float const* values, std::size_t count,
                    std::int64_t member_rows) const;
  static void blank_unreadable(Column& column, std::span<std::uint8_t const> flags);

  store::Layout layout_;
  Sink sink_;
  std::vector<Column> columns_; ///< by section
  IndexRange range_;            ///< of the samples that are collected
};

} // namespace fod
