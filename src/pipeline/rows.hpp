#pragma once

#include "fod/kernels.hpp"
#include "fod/store.hpp"

/// Inside of the pipeline: results on their way into the file.
namespace fod {

/// Beside the bits of RowFlag: an input of the row's sample could not be read.
constexpr std::uint8_t row_unreadable = 1 << 7;

/// Replaces what was computed for samples that could not be read: NaN, and -1 as the prediction.
/// @param rows of the batch `samples`; @param unreadable some of these samples
void mark_unreadable(EpilogueView const& rows, IndexRange samples, std::int64_t classes,
                     std::span<std::int64_t const> unreadable);

/// Collects the rows of several batches, so that the file gets few, large writes.
class RowBuffer {
public:
  RowBuffer(store::Layout const& layout, store::ResultWriter& writer);

  /// Appends the first `samples.size()` rows of a batch; rows follow one another without a gap.
  /// @param labels empty if the file has none
  void append(IndexRange samples, EpilogueView const& rows, std::span<std::int64_t const> labels);
  /// Hands what is collected to the writer.
  void flush();

private:
  store::Layout layout_;
  store::ResultWriter& writer_;
  std::vector<store::Section> sections_;
  std::vector<std::vector<std::byte>> columns_; ///< by section
  IndexRange range_;                            ///< of the samples that are collected
};

} // namespace fod
