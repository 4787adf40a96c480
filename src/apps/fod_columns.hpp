#pragma once

#include "fod/store.hpp"

#include <vector>

/// Columns of result files that may be damaged, which the commands of `fod` share.
namespace fod::app {

/// Rows of a section with a value each. Its shape is asked for before there is room.
/// @throws Error (usage) if it is not the one on record, or bytes are missing
template <class Value>
std::vector<Value> column(store::ResultReader const& reader, std::string const& path,
                          ElementType type, IndexRange rows) {
  store::require_shape(reader, path, {reader.rows()});
  std::vector<Value> values(static_cast<std::size_t>(rows.size()));
  reader.read(path, rows, type, values.data());
  return values;
}

/// Class indices, negative ones unknown; of counts per class the one with the most votes.
std::vector<std::int64_t> labels_of(store::ResultReader const& reader, IndexRange rows);

} // namespace fod::app
