#pragma once

#include "arrays.hpp"
#include "truth.hpp"

#include "fod/dataset.hpp"
#include "fod/metrics.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Inside of the metrics module: rows of the file with all that is known of them.
namespace fod::metrics {

/// What is looked at together.
struct Columns {
  std::size_t classes = 0;
  std::size_t members = 0;  ///< 0: the file's are not asked for
  std::size_t vertices = 0; ///< 0: none were given
  bool decomposition = false;
  bool labels = false;
  bool votes = false; ///< labels are counts
  bool truth = false;
  bool bounds = false;
};

/// A row of values that lie one row after the other.
inline std::span<double const> row_of(std::vector<double> const& values, std::size_t row,
                                      std::size_t width) {
  return std::span(values).subspan(row * width, width);
}

/// Some rows, of which those that count come to be looked at one by one.
struct Portion {
  Columns columns;
  IndexRange rows;
  std::vector<std::int64_t> ids;
  std::vector<std::uint8_t> status; ///< RowStatus; rows that are not finite are marked so
  std::vector<double> distributions;
  std::vector<double> aleatoric;
  std::vector<double> epistemic;
  std::vector<double> disagreement;
  std::vector<std::int64_t> labels; ///< class indices, negative if not known
  std::vector<double> votes;        ///< (rows, K) as distributions; zeros without a vote
  std::vector<double> truth;
  std::vector<std::uint8_t> truth_known;
  std::vector<double> members;
  std::vector<double> lower;
  std::vector<double> upper;
  std::vector<double> vertices;

  [[nodiscard]] std::size_t size() const { return ids.size(); }
  [[nodiscard]] bool counts(std::size_t row) const {
    return status[row] == static_cast<std::uint8_t>(RowStatus::good);
  }
  [[nodiscard]] std::span<double const> prediction(std::size_t row) const {
    return row_of(distributions, row, columns.classes);
  }
};

/// Reads rows in order, in one thread: HDF5 needs that.
class PortionReader {
public:
  /// @throws Error (usage) if what is asked for does not fit the file
  PortionReader(store::ResultReader const& reader, Request const& request);
  [[nodiscard]] Columns const& columns() const { return columns_; }
  /// Rows of a portion, so that it takes some megabytes.
  [[nodiscard]] std::int64_t step() const;
  /// @throws Error (usage) naming the sample of what cannot be
  void read(IndexRange rows, Portion& portion) const;

private:
  void open_labels();
  void open_arrays();
  void read_labels(Portion& portion) const;
  void read_truth(Portion& portion) const;
  void read_bounds(Portion& portion) const;
  void mark_nonfinite(Portion& portion) const;
  void read_section(std::string const& path, std::vector<double>& out, std::size_t width,
                    IndexRange rows) const;

  store::ResultReader const& reader_;
  Request const& request_;
  Columns columns_;
  std::int64_t label_columns_ = 0;
  std::optional<Labels> labels_;
  std::int64_t labels_offset_ = 0;
  std::unique_ptr<Truth> truth_;
  std::optional<SampleArray> lower_;
  std::optional<SampleArray> upper_;
  std::optional<SampleArray> vertices_;
};

} // namespace fod::metrics
