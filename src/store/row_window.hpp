#pragma once

#include "fod/store.hpp"

#include <vector>

/// Inside of the store module: rows of one section that are read in order, many at a time.
namespace fod::store {

/// Small blocks of short rows would cost the library more for each call than for their bytes.
class RowWindow {
public:
  /// @param rows (numbers within the file) that will be asked for; none behind them are read
  RowWindow(ResultReader const& reader, Section section, IndexRange rows)
      : reader_(reader), section_(std::move(section)), rows_(rows) {}

  /// Rows in the section's own type, until the next call.
  /// @throws Error as `ResultReader::read` does, for these rows alone
  std::byte const* at(IndexRange rows);

private:
  void read(IndexRange rows);

  ResultReader const& reader_;
  Section section_;
  IndexRange rows_;
  IndexRange held_;
  std::vector<std::byte> bytes_;
};

} // namespace fod::store
