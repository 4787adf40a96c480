#pragma once

#include "fod/totals.hpp"

#include <vector>

namespace fod {

/// Totals of rows that several threads read back, each a run of blocks.
class TotalsByParts {
public:
  /// @param ranks that share the rows of the file
  /// @param threads of each rank; fewer are used for little work, and where the sums are large
  TotalsByParts(store::Layout const& layout, int ranks, int threads);

  /// For `store::ResultWriter::end_pass`: each sums a run of blocks.
  [[nodiscard]] std::vector<store::RowVisitor*> visitors();
  /// Of all rows that were shown. The same sums as those of one `Totals`.
  [[nodiscard]] Totals joined() const;

private:
  std::vector<Totals> totals_;
};

} // namespace fod
