#pragma once

#include "fod/records.hpp"
#include "fod/store.hpp"

#include "document.hpp"

#include <string>
#include <vector>

/// Inside of the json module: rows that come one by one, written piece by piece.
namespace fod::json {

class RowWriter {
public:
  /// @param layout float32 or float64 distributions, explicit ids, uncertainty
  RowWriter(store::ResultWriter& writer, store::Layout const& layout);

  /// The next row, of as many values as the layout has classes; what exceeds the layout's rows is
  /// only counted.
  void add(DocumentRow const& row);
  /// Rows given so far.
  [[nodiscard]] std::int64_t rows() const { return rows_; }

  /// The file's figures, once all rows are there. Rows that are not finite are left out.
  [[nodiscard]] store::Metrics metrics() const;

private:
  void append_values(std::string& column, std::span<double const> values) const;
  /// End of the block that the rows which wait are in.
  [[nodiscard]] std::int64_t end_of_block() const;
  void write_piece();

  store::ResultWriter& writer_;
  store::Layout layout_;
  std::vector<store::Section> sections_;
  std::vector<std::string> columns_; ///< bytes of each section that wait to be written
  std::int64_t rows_ = 0;
  std::int64_t written_ = 0;
  std::int64_t piece_rows_ = 1;
  std::int64_t finite_rows_ = 0;
  double entropy_sum_ = 0;
  double confidence_sum_ = 0;
  std::vector<std::int64_t> class_counts_;
};

} // namespace fod::json
