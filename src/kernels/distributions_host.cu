#include "dispatch.cuh"

#include "team.hpp"

#include "../ensemble/pieces.hpp"

#include <algorithm>
#include <type_traits>

namespace fod::host {

namespace {

/// Values as they are, in float32.
template <class T>
void widen(T const* from, std::int64_t count, float* to) {
  if constexpr (std::is_same_v<T, __half>) {
    rows::best().widen_float16(reinterpret_cast<std::uint16_t const*>(from), count, to);
  } else if constexpr (std::is_same_v<T, __nv_bfloat16>) {
    rows::best().widen_bfloat16(reinterpret_cast<std::uint16_t const*>(from), count, to);
  } else if (static_cast<void const*>(from) != to) {
    std::transform(from, from + count, to, [](T value) { return static_cast<float>(value); });
  }
}

template <class T>
void copy_logits(T const* x, EpilogueSpec const& spec, std::int64_t rows, float* logits) {
  if (!is_binary(spec.mode)) {
    widen(x, rows * spec.inputs, logits);
    return;
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    row::copy_logits(x + r, spec, logits + 2 * r, row::Alone());
  }
}

/// `row::probabilities` of a row that is in float32 already.
std::uint8_t probabilities(float* p, std::int64_t classes, float tolerance) {
  auto const sums = rows::best().add_up(p, classes, tolerance);
  if (!(std::fabs(sums.all) < INFINITY)) {
    return row_nonfinite;
  }
  if (tolerance > row::exact_tolerance) {
    auto const divisor = static_cast<float>(sums.positive);
    std::transform(p, p + classes, p,
                   [divisor](float value) { return (value > 0 ? value : 0.0F) / divisor; });
  }
  return sums.outside || std::fabs(sums.all - 1) > tolerance ? row_no_distribution : 0;
}

/// Rows of a model's output that are made distributions, their flags among them.
/// @param to what the softmax kernel should find out about them in passing; may be null
template <class T>
void fill(T const* x, EpilogueSpec const& spec, std::int64_t rows, EpilogueView const& out,
          rows::Described const* to) {
  auto const factor = spec.transforms.inverse_temperature;
  auto* const p = out.distributions;
  if (spec.mode == OutputMode::logits) {
    if constexpr (std::is_same_v<T, double>) {
      rows::best().softmax_wide(x, rows, spec.inputs, static_cast<double>(factor), p, out.flags,
                                to);
    } else if constexpr (std::is_same_v<T, float>) {
      rows::best().softmax(x, rows, spec.inputs, factor, p, out.flags, to);
    } else {
      widen(x, rows * spec.inputs, p);
      rows::best().softmax(p, rows, spec.inputs, factor, p, out.flags, to);
    }
    return;
  }
  bool const probs = !is_binary(spec.mode);
  if (probs) {
    widen(x, rows * spec.inputs, p);
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    T const* from = x + r * spec.inputs;
    float* to_row = p + r * spec.classes();
    if (spec.mode == OutputMode::sigmoid) {
      out.flags[r] = row::sigmoid(from, factor, to_row, row::Alone());
    } else if (spec.mode == OutputMode::positive) {
      out.flags[r] = row::positive(from, spec.tolerance, to_row, row::Alone());
    } else if constexpr (std::is_same_v<T, double>) { // its sum is that of the float64
      out.flags[r] = row::probabilities(from, spec.inputs, spec.tolerance, to_row, row::Alone());
    } else {
      out.flags[r] = probabilities(to_row, spec.inputs, spec.tolerance);
    }
  }
}

/// Of rows that are distributions.
void transform(EpilogueSpec const& spec, std::int64_t rows, EpilogueView const& out) {
  auto const classes = spec.classes();
  for (std::int64_t r = 0; r < rows; ++r) {
    if (out.flags[r] == 0) {
      float* p = out.distributions + r * classes;
      row::apply(spec.transforms, p, classes, row::Alone());
      auto const sums = rows::best().add_up(p, classes, spec.tolerance);
      bool const one = sums.all >= 1 - spec.tolerance && sums.all <= 1 + spec.tolerance;
      out.flags[r] = one && !sums.outside ? 0 : row_no_distribution;
    }
  }
}

/// As `rows::for_pieces`, on several threads if there is work for more than some microseconds.
template <class Run>
void for_pieces_together(std::int64_t rows, std::int64_t classes, Run const& run) {
  constexpr std::int64_t worth_sharing = 1 << 17; // values
  if (rows * classes < worth_sharing) {
    rows::for_pieces(rows, classes, run);
    return;
  }
  auto const piece = rows::piece_of(classes);
  run_on_team((rows + piece - 1) / piece,
              [&](std::int64_t task) { run(task * piece, std::min((task + 1) * piece, rows)); });
}

} // namespace

void distributions(void const* values, EpilogueSpec const& spec, EpilogueView const& out) {
  auto const classes = spec.classes();
  bool const at_once = spec.mode == OutputMode::logits && spec.transforms.size == 0;
  row::with_type(values, spec.type, [&](auto const* typed) {
    for_pieces_together(spec.rows, classes, [&](std::int64_t begin, std::int64_t end) {
      auto const count = end - begin;
      auto const piece = rows::from_row(out, begin, classes);
      auto const* x = typed + begin * spec.inputs;
      if (piece.logits != nullptr) {
        copy_logits(x, spec, count, piece.logits);
      }
      rows::Findings found(piece);
      auto const to = found.view();
      fill(x, spec, count, piece, at_once ? &to : nullptr);
      if (!at_once) {
        if (spec.transforms.size > 0) {
          transform(spec, count, piece);
        }
        rows::best().describe(piece.distributions, count, classes, to);
      }
      found.settle(count);
    });
  });
}

} // namespace fod::host
