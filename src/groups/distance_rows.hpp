#pragma once

#include "chain.hpp"
#include "loops.hpp"
#include "pages.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace fod::groups {

/// Distances between clusters under average linkage, in whole rows, so that all loops run along
/// memory. A neuron needs none of its own: its row is that of r. A cluster that was merged has one
/// (two neurons at least share it, hence at most n^2/2 numbers); the distance between two clusters
/// is in the row of the one made later, and the other's row takes it over when it is read. When
/// few clusters are left, the rows are packed to their columns.
class DistanceRows {
public:
  explicit DistanceRows(MatrixView r);

  Neighbour nearest(std::int64_t cluster, std::int64_t before);
  void merge(std::int64_t first, std::int64_t second, std::int64_t first_size,
             std::int64_t second_size, double height);

private:
  /// A cluster as one of the columns.
  struct Column {
    std::int64_t cluster = 0;
    std::int64_t slot = -1; ///< of its row; -1: it is a neuron that has none
    std::int64_t made = -1; ///< its place among made_; -1: it was there when the rows were packed
    std::int64_t read = 0;  ///< merges that its row knows of
  };
  /// What a merge made; without a row once that was merged again.
  struct Made {
    std::int64_t merge = 0; ///< the first is 1
    std::int64_t column = 0;
    double const* row = nullptr;
  };
  /// A neuron's row, worked out, and when.
  struct Copy {
    std::vector<double> values;
    std::int64_t column = -1;
    std::int64_t read = 0;
  };

  Column& column(std::int64_t at) { return columns_[static_cast<std::size_t>(at)]; }
  double* row_in(std::int64_t slot) { return rows_.get() + slot * stride_; }
  double const* row_of(std::int64_t at);
  void take_over(std::int64_t at, double* row, std::int64_t since) const;
  void forget(Column& merged);
  std::int64_t slot_for(Column& first, Column& second);
  void pack();

  MatrixView r_;
  std::int64_t width_;  ///< columns
  std::int64_t stride_; ///< from row to row
  std::int64_t alive_;  ///< of the columns
  Pages rows_;
  std::vector<Column> columns_;
  std::vector<std::int64_t> column_of_; ///< by cluster
  std::vector<double> penalty_;         ///< by column: 0, or `far` where there is no cluster
  std::int64_t merges_ = 0;             ///< since the rows were packed
  std::vector<Made> made_;              ///< in this order
  std::int64_t forgotten_ = 0;          ///< of these
  std::vector<std::int64_t> free_;      ///< slots
  std::int64_t slots_ = 0;              ///< taken or free
  std::array<Copy, 2> copies_;
  std::size_t older_ = 0; ///< of the copies
};

} // namespace fod::groups
