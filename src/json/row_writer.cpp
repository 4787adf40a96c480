#include "row_writer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fod::json {

namespace {

constexpr std::int64_t piece_bytes = std::int64_t{4} << 20;

template <class Value>
void append_bytes(std::string& column, Value value) {
  column.append(reinterpret_cast<char const*>(&value), sizeof value);
}

/// What a row says of itself, as the job computes it.
struct Judgement {
  float entropy = std::numeric_limits<float>::quiet_NaN();
  float confidence = std::numeric_limits<float>::quiet_NaN();
  std::int32_t prediction = -1;
};

Judgement judge(DocumentRow const& row) {
  if (!row.finite) {
    return {};
  }
  double entropy = 0;
  for (auto const p : row.values) {
    entropy -= p > 0 ? p * std::log(p) : 0;
  }
  auto const largest = std::max_element(row.values.begin(), row.values.end());
  return {static_cast<float>(entropy), static_cast<float>(*largest),
          static_cast<std::int32_t>(largest - row.values.begin())};
}

} // namespace

RowWriter::RowWriter(store::ResultWriter& writer, store::Layout const& layout)
    : writer_(writer), layout_(layout), sections_(store::sections(layout)),
      columns_(sections_.size()),
      piece_rows_(
          std::max<std::int64_t>(1, piece_bytes / std::max<std::int64_t>(1, layout.classes * 8))),
      class_counts_(static_cast<std::size_t>(layout.classes)) {}

void RowWriter::add(DocumentRow const& row) {
  if (++rows_ > layout_.samples().size()) {
    return;
  }
  auto const judgement = judge(row);
  if (row.finite) {
    ++finite_rows_;
    entropy_sum_ += static_cast<double>(judgement.entropy);
    confidence_sum_ += static_cast<double>(judgement.confidence);
    ++class_counts_[static_cast<std::size_t>(judgement.prediction)];
  }
  for (std::size_t s = 0; s < sections_.size(); ++s) {
    auto const& path = sections_[s].path;
    auto& column = columns_[s];
    if (path == "/distributions") {
      append_values(column, row.values);
    } else if (path == "/sample_ids") {
      append_bytes(column, row.id);
    } else if (path == "/row_status") {
      append_bytes(column, row.finite ? RowStatus::good : RowStatus::nonfinite);
    } else if (path == "/uncertainty/entropy") {
      append_bytes(column, judgement.entropy);
    } else if (path == "/uncertainty/confidence") {
      append_bytes(column, judgement.confidence);
    } else if (path == "/uncertainty/prediction") {
      append_bytes(column, judgement.prediction);
    }
  }
  if (rows_ - written_ == piece_rows_ || rows_ == end_of_block()) {
    write_piece();
  }
}

void RowWriter::append_values(std::string& column, std::span<double const> values) const {
  for (auto const value : values) {
    if (layout_.distribution_type == ElementType::float32) {
      append_bytes(column, static_cast<float>(value));
    } else {
      append_bytes(column, value);
    }
  }
}

std::int64_t RowWriter::end_of_block() const {
  return layout_.grid.samples_of(written_ / layout_.grid.block_size()).end;
}

void RowWriter::write_piece() {
  auto const block_end = end_of_block();
  for (std::size_t s = 0; s < sections_.size(); ++s) {
    writer_.write(s, {written_, rows_}, columns_[s].data());
    columns_[s].clear();
  }
  if (rows_ == block_end) {
    writer_.complete_block(written_ / layout_.grid.block_size());
  }
  written_ = rows_;
}

store::Metrics RowWriter::metrics() const {
  store::Metrics metrics;
  if (finite_rows_ > 0) {
    auto const rows = static_cast<double>(finite_rows_);
    metrics.values["mean_entropy"] = entropy_sum_ / rows;
    metrics.values["mean_confidence"] = confidence_sum_ / rows;
  }
  metrics.values["nonfinite_rows"] =
      static_cast<double>(std::min(rows_, layout_.samples().size()) - finite_rows_);
  metrics.class_counts = class_counts_;
  return metrics;
}

} // namespace fod::json
