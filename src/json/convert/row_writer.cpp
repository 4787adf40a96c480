#include "row_writer.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace fod::json {

namespace {

/// The bytes of a section in a batch.
void const* column_of(RowBatch const& batch, std::string const& path, std::int64_t row) {
  auto const at = [&](auto const& column, std::int64_t width) {
    return static_cast<void const*>(column.data() + row * width);
  };
  if (path == "/sample_ids") {
    return at(batch.ids, 1);
  }
  if (path == "/row_status") {
    return at(batch.status, 1);
  }
  if (path == "/uncertainty/entropy") {
    return at(batch.entropy, 1);
  }
  if (path == "/uncertainty/confidence") {
    return at(batch.confidence, 1);
  }
  if (path == "/uncertainty/prediction") {
    return at(batch.prediction, 1);
  }
  return batch.narrow ? at(batch.values32, batch.classes) : at(batch.values64, batch.classes);
}

} // namespace

RowWriter::RowWriter(store::ResultWriter& writer, store::Layout const& layout)
    : writer_(writer), layout_(layout), sections_(store::sections(layout)),
      class_counts_(static_cast<std::size_t>(layout.classes)) {}

void RowWriter::add(RowBatch& batch) {
  if (batch.narrow && layout_.distribution_type == ElementType::float64) {
    batch.widen();
  }
  count(batch);
  auto const first = rows_;
  auto const end = rows_ + batch.rows();
  while (rows_ < end) {
    auto const block = rows_ / layout_.grid.block_size();
    auto const block_end = layout_.grid.samples_of(block).end;
    auto const stop = std::min(end, block_end);
    for (std::size_t s = 0; s < sections_.size(); ++s) {
      writer_.write(s, {rows_, stop}, column_of(batch, sections_[s].path, rows_ - first));
    }
    if (stop == block_end) {
      writer_.complete_block(block);
    }
    rows_ = stop;
  }
}

void RowWriter::count(RowBatch const& batch) {
  for (std::size_t i = 0; i < batch.ids.size(); ++i) {
    if (batch.status[i] == RowStatus::good) {
      ++finite_rows_;
      entropy_sum_ += static_cast<double>(batch.entropy[i]);
      confidence_sum_ += static_cast<double>(batch.confidence[i]);
      ++class_counts_[static_cast<std::size_t>(batch.prediction[i])];
    }
  }
}

store::Metrics RowWriter::metrics() const {
  store::Metrics metrics;
  if (finite_rows_ > 0) {
    auto const rows = static_cast<double>(finite_rows_);
    metrics.values["mean_entropy"] = entropy_sum_ / rows;
    metrics.values["mean_confidence"] = confidence_sum_ / rows;
  }
  metrics.values["nonfinite_rows"] = static_cast<double>(rows_ - finite_rows_);
  metrics.class_counts = class_counts_;
  return metrics;
}

} // namespace fod::json
