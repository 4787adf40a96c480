#include "fod/totals.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <string_view>

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
  nll,
  brier,
  head
};

std::uint64_t fixed_point(double value) {
  return static_cast<std::uint64_t>(std::llround(value / unit));
}

std::uint64_t fixed_point(float value) {
  return fixed_point(static_cast<double>(value));
}

/// What lies side by side among the sums for each bin of confidences.
enum Bin : std::size_t { in_bin, hits, confidences, bin_width };
constexpr auto bin_count = static_cast<std::size_t>(metrics::default_bins);

/// Sections with a number per row, or some, that are summed; the others are wide.
enum Column : std::size_t {
  statuses,
  labels,
  predictions,
  entropies,
  confidences_of_rows,
  aleatorics,
  epistemics,
  disagreements,
  column_count
};
constexpr std::array<std::string_view, column_count> paths{"/row_status",
                                                           "/labels",
                                                           "/uncertainty/prediction",
                                                           "/uncertainty/entropy",
                                                           "/uncertainty/confidence",
                                                           "/uncertainty/aleatoric",
                                                           "/uncertainty/epistemic",
                                                           "/uncertainty/disagreement"};

/// `column_count` if it is not summed.
std::size_t column_of(std::string_view path) {
  auto const* const found = std::find(paths.begin(), paths.end(), path);
  return static_cast<std::size_t>(found - paths.begin());
}

} // namespace

Totals::Totals(store::Layout const& layout) : layout_(layout), columns_(column_count) {
  auto const classes = static_cast<std::size_t>(layout.distributions ? layout.classes : 0);
  label_counts_ = head + classes;
  top_bins_ = label_counts_ + classes;
  class_bins_ = top_bins_ + bin_count * bin_width;
  bool const scored = layout.labels && classes > 0;
  sums_.assign(scored ? class_bins_ + classes * bin_count * bin_width : label_counts_, 0);
  probabilities_.resize(classes);
}

void Totals::rows(store::Section const& section, IndexRange rows, std::byte const* data) {
  if (auto const number = column_of(section.path); number < column_count) {
    auto& column = columns_[number];
    column.insert(column.end(), data, data + rows.size() * section.row_bytes());
  } else if (section.path == "/distributions" && layout_.labels) {
    add_distributions(section, rows, data);
  }
}

void Totals::add_distributions(store::Section const& section, IndexRange rows,
                               std::byte const* data) {
  bool const wide = section.type == ElementType::float64;
  auto const read = [&](std::size_t at) {
    double value = 0;
    float narrow = 0;
    if (wide) {
      std::memcpy(&value, data + at * sizeof value, sizeof value);
    } else {
      std::memcpy(&narrow, data + at * sizeof narrow, sizeof narrow);
      value = static_cast<double>(narrow);
    }
    return value;
  };
  auto const classes = probabilities_.size();
  for (std::int64_t i = 0; i < rows.size(); ++i, ++seen_) {
    auto const status = static_cast<RowStatus>(value<std::uint8_t>(statuses, seen_));
    auto const of_row = label(seen_);
    if (status != RowStatus::good || of_row < 0 || of_row >= layout_.classes) {
      continue;
    }
    for (std::size_t k = 0; k < classes; ++k) {
      probabilities_[k] = read(static_cast<std::size_t>(i) * classes + k);
    }
    add_scores(of_row);
  }
}

void Totals::add_scores(std::int64_t label_of_row) {
  auto const prediction = metrics::first_largest(probabilities_);
  ++sums_[label_counts_ + static_cast<std::size_t>(label_of_row)];
  sums_[nll] +=
      fixed_point(metrics::log_loss(probabilities_[static_cast<std::size_t>(label_of_row)]));
  sums_[brier] += fixed_point(metrics::brier_score(probabilities_, label_of_row));
  add_to_bin(top_bins_, probabilities_[static_cast<std::size_t>(prediction)],
             prediction == label_of_row);
  for (std::size_t k = 0; k < probabilities_.size(); ++k) {
    add_to_bin(class_bins_ + k * bin_count * bin_width, probabilities_[k],
               static_cast<std::int64_t>(k) == label_of_row);
  }
}

void Totals::add_to_bin(std::size_t bins, double confidence, bool hit) {
  auto const bin = static_cast<std::size_t>(metrics::bin_of(confidence, metrics::default_bins));
  auto* const cell = &sums_[bins + bin * bin_width];
  ++cell[in_bin];
  cell[hits] += hit ? 1 : 0;
  cell[confidences] += fixed_point(confidence);
}

void Totals::end_block(std::int64_t block, store::BlockFacts const& facts) {
  auto const samples_of_block = layout_.grid.samples_of(block);
  for (auto sample = samples_of_block.begin; sample < samples_of_block.end; ++sample) {
    add_row(static_cast<std::size_t>(sample - samples_of_block.begin), sample);
  }
  sums_[samples] += static_cast<std::uint64_t>(samples_of_block.size());
  sums_[input_hash] += facts.input_digest;
  for (auto& column : columns_) {
    column.clear();
  }
  seen_ = 0;
}

template <class T>
T Totals::value(std::size_t column, std::size_t row) const {
  T number{};
  std::memcpy(&number, columns_[column].data() + row * sizeof(T), sizeof(T));
  return number;
}

void Totals::add(Totals const& next) {
  std::transform(sums_.begin(), sums_.end(), next.sums_.begin(), sums_.begin(), std::plus<>());
  auto const name = [](std::vector<std::int64_t>& named, std::vector<std::int64_t> const& more) {
    auto const room = static_cast<std::ptrdiff_t>(most_named - named.size());
    named.insert(named.end(), more.begin(), more.begin() + std::min(room, std::ssize(more)));
  };
  name(nonfinite_, next.nonfinite_);
  name(unreadable_, next.unreadable_);
}

/// The class of a row; negative if it is not known.
std::int64_t Totals::label(std::size_t row) const {
  if (layout_.label_counts == 0) {
    return value<std::int64_t>(labels, row);
  }
  auto const width = static_cast<std::size_t>(layout_.label_counts);
  auto const* const counts =
      reinterpret_cast<std::int64_t const*>(columns_[labels].data()) + row * width;
  return majority({counts, width});
}

void Totals::add_row(std::size_t row, std::int64_t sample) {
  auto const status = static_cast<RowStatus>(value<std::uint8_t>(statuses, row));
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
  auto const prediction = value<std::int32_t>(predictions, row);
  if (0 <= prediction && prediction < layout_.classes) {
    ++sums_[head + static_cast<std::size_t>(prediction)];
  }
  sums_[entropy] += fixed_point(value<float>(entropies, row));
  sums_[confidence] += fixed_point(value<float>(confidences_of_rows, row));
  if (layout_.members > 1) {
    sums_[aleatoric] += fixed_point(value<float>(aleatorics, row));
    sums_[epistemic] += fixed_point(value<float>(epistemics, row));
    sums_[disagreement] += fixed_point(value<float>(disagreements, row));
  }
  auto const of_row = layout_.labels ? label(row) : -1;
  if (of_row >= 0) {
    ++sums_[labelled];
    sums_[correct] += of_row == prediction ? 1 : 0;
  }
}

std::vector<metrics::ReliabilityBin> Totals::bins_at(std::size_t bins) const {
  std::vector<metrics::ReliabilityBin> all;
  for (std::size_t b = 0; b < bin_count; ++b) {
    auto const* const cell = &sums_[bins + b * bin_width];
    all.push_back(metrics::reliability_bin(static_cast<std::int64_t>(b), metrics::default_bins,
                                           static_cast<std::int64_t>(cell[in_bin]),
                                           static_cast<std::int64_t>(cell[hits]),
                                           static_cast<double>(cell[confidences]) * unit));
  }
  return all;
}

void Totals::tell_scores(store::Metrics& figures) const {
  auto const rows = static_cast<double>(sums_[labelled]);
  figures.values["accuracy"] = static_cast<double>(sums_[correct]) / rows;
  if (sums_.size() <= class_bins_) {
    return; // groups alone
  }
  figures.values["nll"] = static_cast<double>(sums_[nll]) * unit / rows;
  figures.values["brier"] = static_cast<double>(sums_[brier]) * unit / rows;
  auto const top = bins_at(top_bins_);
  auto const error = metrics::calibration_error(top);
  figures.values["ece"] = error.expected;
  figures.values["mce"] = error.maximum;
  double by_class = 0;
  for (std::size_t k = 0; k < probabilities_.size(); ++k) {
    by_class +=
        metrics::calibration_error(bins_at(class_bins_ + k * bin_count * bin_width)).expected;
  }
  figures.values["classwise_ece"] = by_class / static_cast<double>(probabilities_.size());
  figures.label_counts.assign(&sums_[label_counts_], &sums_[top_bins_]);
  for (auto const& bin : top) {
    figures.reliability.push_back(
        {bin.lower, bin.upper, static_cast<double>(bin.count), bin.mean_confidence, bin.accuracy});
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
    tell_scores(metrics);
  }
  metrics.values["nonfinite_rows"] = as_double(nonfinite_rows);
  metrics.values["unreadable_rows"] = as_double(unreadable_rows);
  metrics.class_counts.assign(sums_.data() + head, sums_.data() + label_counts_);
  return metrics;
}

} // namespace fod
