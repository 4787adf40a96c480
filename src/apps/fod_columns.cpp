#include "fod_columns.hpp"

namespace fod::app {

std::vector<std::int64_t> labels_of(store::ResultReader const& reader, IndexRange rows) {
  auto const counts = reader.layout().label_counts;
  if (counts == 0) {
    return column<std::int64_t>(reader, "/labels", ElementType::int64, rows);
  }
  store::require_shape(reader, "/labels", {reader.rows(), counts});
  std::vector<std::int64_t> all(static_cast<std::size_t>(rows.size() * counts));
  reader.read("/labels", rows, ElementType::int64, all.data());
  std::vector<std::int64_t> labels;
  for (auto votes = all.begin(); votes != all.end(); votes += counts) {
    labels.push_back(majority({votes, votes + counts}));
  }
  return labels;
}

} // namespace fod::app
