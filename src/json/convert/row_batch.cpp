#include "row_batch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fod::json {

bool is_float32(double value) {
  bool const in_range = std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max());
  return !std::isfinite(value) ||
         (in_range && static_cast<double>(static_cast<float>(value)) == value);
}

std::size_t RowBatch::bytes() const {
  auto const each = sizeof(ids[0]) + sizeof(status[0]) + sizeof(entropy[0]) +
                    sizeof(confidence[0]) + sizeof(prediction[0]);
  return ids.size() * each + values32.size() * sizeof(float) + values64.size() * sizeof(double);
}

void RowBatch::add(std::int64_t id, std::span<double const> values, bool finite) {
  if (narrow && !std::all_of(values.begin(), values.end(), is_float32)) {
    widen();
  }
  ids.push_back(id);
  status.push_back(finite ? RowStatus::good : RowStatus::nonfinite);
  if (narrow) {
    for (auto const value : values) {
      values32.push_back(static_cast<float>(value));
    }
  } else {
    values64.insert(values64.end(), values.begin(), values.end());
  }
  if (!finite) {
    entropy.push_back(std::numeric_limits<float>::quiet_NaN());
    confidence.push_back(std::numeric_limits<float>::quiet_NaN());
    prediction.push_back(-1);
    return;
  }
  double sum = 0;
  for (auto const p : values) {
    sum -= p > 0 ? p * std::log(p) : 0;
  }
  auto const largest = std::max_element(values.begin(), values.end());
  entropy.push_back(static_cast<float>(sum));
  confidence.push_back(static_cast<float>(*largest));
  prediction.push_back(static_cast<std::int32_t>(largest - values.begin()));
}

void RowBatch::keep(std::int64_t rows) {
  auto const kept = static_cast<std::size_t>(rows);
  auto const numbers = static_cast<std::size_t>(rows * classes);
  ids.resize(kept);
  status.resize(kept);
  entropy.resize(kept);
  confidence.resize(kept);
  prediction.resize(kept);
  values32.resize(narrow ? numbers : 0);
  values64.resize(narrow ? 0 : numbers);
}

void RowBatch::clear() {
  keep(0);
  narrow = true;
}

void RowBatch::widen() {
  values64.assign(values32.begin(), values32.end());
  values32.clear();
  narrow = false;
}

} // namespace fod::json
