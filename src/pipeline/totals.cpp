#include "totals.hpp"

#include "rows.hpp"

#include "fod/nccl.hpp"

#include <cmath>

namespace fod {

namespace {

/// 2^-28: a billion samples of entropy 11 (50,000 classes) stay below 2^63.
constexpr double unit = 1.0 / (1 << 28);

std::uint64_t fixed_point(float value) {
  return static_cast<std::uint64_t>(std::llround(static_cast<double>(value) / unit));
}

} // namespace

Totals::Totals(std::int64_t classes) : sums_(head + static_cast<std::size_t>(classes), 0) {}

void Totals::add(EnsembleView const& all, std::int64_t count,
                 std::span<std::int64_t const> labels) {
  auto const& rows = all.mean;
  sums_[samples] += static_cast<std::uint64_t>(count);
  for (std::int64_t i = 0; i < count; ++i) {
    if ((rows.flags[i] & row_unreadable) != 0) {
      ++sums_[unreadable_rows];
      continue;
    }
    if ((rows.flags[i] & row_nonfinite) != 0) {
      ++sums_[nonfinite_rows];
      continue;
    }
    if (rows.prediction == nullptr) {
      continue; // groups alone
    }
    ++sums_[head + static_cast<std::size_t>(rows.prediction[i])];
    sums_[entropy] += fixed_point(rows.entropy[i]);
    sums_[confidence] += fixed_point(rows.confidence[i]);
    if (all.aleatoric != nullptr) {
      ++sums_[ensemble_rows];
      sums_[aleatoric] += fixed_point(all.aleatoric[i]);
      sums_[epistemic] += fixed_point(all.epistemic[i]);
      sums_[disagreement] += fixed_point(all.disagreement[i]);
    }
    if (!labels.empty() && labels[static_cast<std::size_t>(i)] >= 0) {
      ++sums_[labelled];
      sums_[correct] += labels[static_cast<std::size_t>(i)] == rows.prediction[i] ? 1 : 0;
    }
  }
}

void Totals::reduce(Comm const& comm, Machine const& machine) {
  if (machine.gpu_each && comm.size() > 1) {
    NcclComm const nccl(comm);
    comm.agree([&] { nccl.all_sum(sums_); });
  } else {
    comm.all_sum(sums_);
  }
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
  }
  if (sums_[ensemble_rows] > 0) {
    metrics.values["mean_aleatoric"] = as_double(aleatoric) * unit / rows;
    metrics.values["mean_epistemic"] = as_double(epistemic) * unit / rows;
    metrics.values["mean_disagreement"] = as_double(disagreement) * unit / rows;
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
