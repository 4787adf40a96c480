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

  /// Appends the first `samples.size()` rows of a batch; rows follow one another without a gap.
  /// @param labels empty if the file has none
  /// @param activations on the host, of the layers that the file keeps, in its order
  void append(IndexRange samples, BatchResults const& results, std::span<std::int64_t const> labels,
              std::span<float const* const> activations = {});
  /// Hands what is collected on.
  void flush();
  /// Forgets what is collected.
  void drop();

private:
  void append_members(std::vector<std::byte>& column, float const* values, std::int64_t count,
                      std::int64_t member_rows) const;

  static void blank_unreadable(std::vector<std::byte>& column, store::Section const& section,
                               std::span<std::uint8_t const> flags);

  store::Layout layout_;
  Sink sink_;
  std::vector<store::Section> sections_;
  std::vector<std::vector<std::byte>> columns_; ///< by section
  IndexRange range_;                            ///< of the samples that are collected
};

} // namespace fod
