#pragma once

#include "ensemble_inputs.hpp"

#include "fod/checked_rows.hpp"
#include "fod/ensemble.hpp"

#include <span>

/// Inside of the merge module: rows of one file of an ensemble, in the order of the result.
namespace fod {

class MemberRows {
public:
  /// @param input outlives this
  explicit MemberRows(EnsembleInput const& input);

  /// Reads the rows that follow. @throws Error (usage) for what is damaged
  void next(std::int64_t rows);

  [[nodiscard]] std::int64_t members() const { return input_.members(); }

  /// Of the rows read last: everything that `host::ensemble` needs of this file's members.
  /// @param view of the first of them
  /// @param member_rows from one member's first row to the next one's
  template <class Real>
  void put(RowsView<Real> view, std::int64_t member_rows) const;
  [[nodiscard]] RowStatus status(std::int64_t row) const;
  [[nodiscard]] std::int64_t id(std::int64_t row) const;
  /// A row's label, or its counts; none if the file has no labels.
  [[nodiscard]] std::span<std::int64_t const> label(std::int64_t row) const;
  /// What is on record of a block, where the file's rows are in their own order.
  [[nodiscard]] store::BlockFacts facts(std::int64_t block) const;

private:
  /// Columns in the order in which they are read; the last two may be missing. Labels, if there are
  /// any, come after them.
  enum Column : std::size_t { ids, statuses, distributions, entropies, predictions };
  [[nodiscard]] std::vector<std::string> paths() const;
  /// Of the rows read last.
  template <class T>
  [[nodiscard]] T const* rows_of(std::size_t column) const;
  void hold_all();
  template <class Stored, class Real>
  void copy(RowsView<Real> const& view, std::int64_t member_rows) const;

  EnsembleInput const& input_;
  bool figures_; ///< what the file says of a single member is taken as it is
  std::size_t columns_;
  store::CheckedRows checked_;
  std::vector<std::vector<std::byte>> held_; ///< all rows of a file in another order, by column
  std::vector<std::vector<std::byte>> rows_; ///< the last ones of these
  std::int64_t row_ = 0;
  std::int64_t count_ = 0;
};

} // namespace fod
