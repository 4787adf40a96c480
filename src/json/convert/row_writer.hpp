#pragma once

#include "fod/records.hpp"
#include "fod/store.hpp"

#include "row_batch.hpp"

#include <vector>

/// Inside of the json module: rows that come batch by batch, written into a result file.
namespace fod::json {

class RowWriter {
public:
  /// @param layout float32 or float64 distributions, explicit ids, uncertainty
  RowWriter(store::ResultWriter& writer, store::Layout const& layout);

  /// Writes the rows that come next. Float32 ones are widened if the layout is of float64.
  void add(RowBatch& batch);
  /// Rows given so far.
  [[nodiscard]] std::int64_t rows() const { return rows_; }

  /// The file's figures, once all rows are there. Rows that are not finite are left out.
  [[nodiscard]] store::Metrics metrics() const;

private:
  void count(RowBatch const& batch);

  store::ResultWriter& writer_;
  store::Layout layout_;
  std::vector<store::Section> sections_;
  std::int64_t rows_ = 0;
  std::int64_t finite_rows_ = 0;
  double entropy_sum_ = 0;
  double confidence_sum_ = 0;
  std::vector<std::int64_t> class_counts_;
};

} // namespace fod::json
