#pragma once

#include "fod/totals.hpp"

#include <span>
#include <vector>

namespace fod {

/// Totals of rows that several threads read back, each a run of blocks.
class TotalsByParts {
public:
  /// @param ranks that share the rows of the file
  /// @param threads of each rank; fewer are used for little work, and where the sums are large
  TotalsByParts(store::Layout const& layout, int ranks, int threads);
  TotalsByParts(TotalsByParts const&) = delete;
  TotalsByParts& operator=(TotalsByParts const&) = delete;

  /// For `store::ResultWriter::end_pass`.
  [[nodiscard]] std::span<store::RowVisitor* const> visitors() const { return visitors_; }
  /// Of all rows that were shown. The same sums as those of one `Totals`.
  [[nodiscard]] Totals joined() const;

private:
  std::vector<Totals> totals_;
  std::vector<store::RowVisitor*> visitors_; ///< these
};

} // namespace fod
