#pragma once

#include "fod/epilogue.hpp"
#include "fod/store.hpp"

/// Inside of the pipeline: results on their way into the file.
namespace fod {

/// Collects the rows of several batches, so that the file gets few, large writes.
class RowBuffer {
public:
  RowBuffer(store::Layout const& layout, store::ResultWriter& writer);

  /// Appends the first `samples.size()` rows of a batch; rows follow one another without a gap.
  /// @param labels empty if the file has none
  void append(IndexRange samples, BatchResults const& results,
              std::span<std::int64_t const> labels);
  /// Hands what is collected to the writer.
  void flush();

private:
  void append_members(std::vector<std::byte>& column, float const* values, std::int64_t count,
                      std::int64_t member_rows) const;

  store::Layout layout_;
  store::ResultWriter& writer_;
  std::vector<store::Section> sections_;
  std::vector<std::vector<std::byte>> columns_; ///< by section
  IndexRange range_;                            ///< of the samples that are collected
};

} // namespace fod
