#include "fod/totals.hpp"

#include <cmath>
#include <cstring>

namespace fod {

namespace {

/// 2^-28: a billion samples of entropy 11 (50,000 classes) stay below 2^63.
constexpr double unit = 1.0 / (1 << 28);

enum Sum : std::size_t {
  samples,
  nonfinite_rows,
  unreadable_rows,
  labelled,
  correct,
  entropy,
  confidence,
  aleatoric,
  epistemic,
  disagreement,
  input_hash,
  head
};

std::uint64_t fixed_point(float value) {
  return static_cast<std::uint64_t>(std::llround(static_cast<double>(value) / unit));
}

/// Sections that are summed; the others are wide.
bool is_summed(std::string const& path) {
  return path == "/row_status" || path == "/labels" || path.starts_with("/uncertainty/");
}

} // namespace

Totals::Totals(store::Layout const& layout)
    : layout_(layout),
      sums_(head + static_cast<std::size_t>(layout.distributions ? layout.classes : 0), 0) {}

void Totals::rows(store::Section const& section, IndexRange rows, std::byte const* data) {
  if (is_summed(section.path)) {
    auto& column = columns_[section.path];
    column.insert(column.end(), data, data + rows.size() * section.row_bytes());
  }
}

void Totals::end_block(std::int64_t block, store::BlockFacts const& facts) {
  auto const samples_of_block = layout_.grid.samples_of(block);
  for (auto sample = samples_of_block.begin; sample < samples_of_block.end; ++sample) {
    add_row(static_cast<std::size_t>(sample - samples_of_block.begin), sample);
  }
  sums_[samples] += static_cast<std::uint64_t>(samples_of_block.size());
  sums_[input_hash] += facts.input_digest;
  columns_.clear();
}

template <class T>
T Totals::value(char const* path, std::size_t row) const {
  T number{};
  std::memcpy(&number, columns_.at(path).data() + row * sizeof(T), sizeof(T));
  return number;
}

/// The class of a row; negative if it is not known.
std::int64_t Totals::label(std::size_t row) const {
  if (layout_.label_counts == 0) {
    return value<std::int64_t>("/labels", row);
  }
  std::vector<std::int64_t> counts(static_cast<std::size_t>(layout_.label_counts));
  std::memcpy(counts.data(),
              columns_.at("/labels").data() + row * counts.size() * sizeof(std::int64_t),
              counts.size() * sizeof(std::int64_t));
  return majority(counts);
}

void Totals::add_row(std::size_t row, std::int64_t sample) {
  auto const status = static_cast<RowStatus>(value<std::uint8_t>("/row_status", row));
  if (status != RowStatus::good) {
    bool const unreadable = status == RowStatus::unreadable;
    ++sums_[unreadable ? unreadable_rows : nonfinite_rows];
    if (auto& named = unreadable ? unreadable_ : nonfinite_; named.size() < most_named) {
      named.push_back(sample);
    }
    return;
  }
  if (!layout_.distributions || !layout_.uncertainty) {
    return; // groups alone
  }
  auto const prediction = value<std::int32_t>("/uncertainty/prediction", row);
  if (0 <= prediction && prediction < layout_.classes) {
    ++sums_[head + static_cast<std::size_t>(prediction)];
  }
  sums_[entropy] += fixed_point(value<float>("/uncertainty/entropy", row));
  sums_[confidence] += fixed_point(value<float>("/uncertainty/confidence", row));
  if (layout_.members > 1) {
    sums_[aleatoric] += fixed_point(value<float>("/uncertainty/aleatoric", row));
    sums_[epistemic] += fixed_point(value<float>("/uncertainty/epistemic", row));
    sums_[disagreement] += fixed_point(value<float>("/uncertainty/disagreement", row));
  }
  if (layout_.labels && label(row) >= 0) {
    ++sums_[labelled];
    sums_[correct] += label(row) == prediction ? 1 : 0;
  }
}

std::int64_t Totals::nonfinite() const {
  return static_cast<std::int64_t>(sums_[nonfinite_rows]);
}

std::uint64_t Totals::input_digest() const {
  return sums_[input_hash];
}

store::Metrics Totals::metrics() const {
  store::Metrics metrics;
  auto const as_double = [&](Sum sum) {
    return static_cast<double>(static_cast<std::int64_t>(sums_[sum]));
  };
  auto const rows = as_double(samples) - as_double(nonfinite_rows) - as_double(unreadable_rows);
  if (rows > 0 && sums_.size() > head) {
    metrics.values["mean_entropy"] = as_double(entropy) * unit / rows;
    metrics.values["mean_confidence"] = as_double(confidence) * unit / rows;
    if (layout_.members > 1) {
      metrics.values["mean_aleatoric"] = as_double(aleatoric) * unit / rows;
      metrics.values["mean_epistemic"] = as_double(epistemic) * unit / rows;
      metrics.values["mean_disagreement"] = as_double(disagreement) * unit / rows;
    }
  }
  if (sums_[labelled] > 0) {
    metrics.values["accuracy"] = as_double(correct) / as_double(labelled);
  }
  metrics.values["nonfinite_rows"] = as_double(nonfinite_rows);
  metrics.values["unreadable_rows"] = as_double(unreadable_rows);
  metrics.class_counts.assign(sums_.begin() + head, sums_.end());
  return metrics;
}

} // namespace fod
