#pragma once

#include "rows.hpp"

#include "fod/ensemble.hpp"

#include <algorithm>
#include <array>
#include <cmath>

/// Rows are worked on by pieces that fit the second cache, several passes over each.
namespace fod::rows {

constexpr std::int64_t most_rows = 1024;

/// Rows of a piece; whole tiles of sixteen where that many fit.
constexpr std::int64_t piece_of(std::int64_t classes) {
  constexpr std::int64_t values = 16384;
  auto const some = std::clamp<std::int64_t>(values / classes, 1, most_rows);
  return some < 16 ? some : some / 16 * 16;
}

/// Calls run(begin, end) for all pieces of so many rows.
template <class Run>
void for_pieces(std::int64_t rows, std::int64_t classes, Run const& run) {
  auto const piece = piece_of(classes);
  for (std::int64_t begin = 0; begin < rows; begin += piece) {
    run(begin, std::min(begin + piece, rows));
  }
}

/// From a row on.
inline EpilogueView from_row(EpilogueView const& view, std::int64_t row, std::int64_t classes) {
  return {view.distributions + row * classes,
          view.entropy + row,
          view.confidence + row,
          view.prediction + row,
          view.flags + row,
          view.logits == nullptr ? nullptr : view.logits + row * classes};
}

/// What the kernels find out about a piece, on its way to where results go.
class Findings {
public:
  explicit Findings(EpilogueView const& piece) : piece_(piece) {}

  Described view() { return {entropy_.data(), piece_.confidence, piece_.prediction}; }
  [[nodiscard]] double entropy(std::int64_t row) const {
    return entropy_[static_cast<std::size_t>(row)];
  }

  /// Writes the results; of rows that are not finite there are none.
  void settle(std::int64_t rows) {
    for (std::int64_t row = 0; row < rows; ++row) {
      bool const finite = (piece_.flags[row] & row_nonfinite) == 0;
      piece_.entropy[row] = finite ? static_cast<float>(entropy(row)) : NAN;
      if (!finite) {
        piece_.confidence[row] = NAN;
        piece_.prediction[row] = -1;
      }
    }
  }

private:
  EpilogueView piece_;
  std::array<double, most_rows> entropy_{};
};

} // namespace fod::rows
