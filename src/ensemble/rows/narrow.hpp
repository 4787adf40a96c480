#pragma once

#include "tile.hpp"

/// Sixteen rows side by side, a lane each, for few classes.
namespace fod::rows {
namespace {

template <class Isa>
struct Narrow {
  using Floats = typename Isa::Floats;
  static constexpr int parts = lanes / Isa::lanes;

  /// The largest entry of each row above `least`, else that. NaN is none.
  [[gnu::always_inline]] static Floats largest(Tile<Isa>& tile, std::int64_t classes, int part,
                                               float least) {
    auto found = Isa::all(least);
    for (std::int64_t k = 0; k < classes; ++k) {
      found = Isa::larger(Isa::load(tile.of_class(k, part)), found);
    }
    return found;
  }

  /// Adds term(k) over the classes, four of them in float32.
  template <class Term>
  [[gnu::always_inline]] static void add(std::int64_t classes, int part, LaneSums<Isa>& sums,
                                         Term const& term) {
    std::int64_t k = 0;
    for (; k + 4 <= classes; k += 4) {
      sums.add(part, (term(k) + term(k + 1)) + (term(k + 2) + term(k + 3)));
    }
    for (; k < classes; ++k) {
      sums.add(part, term(k));
    }
  }

  static void softmax(float const* x, std::int64_t rows, std::int64_t classes, float factor,
                      float* p, std::uint8_t* flags, Described const* to) {
    Tile<Isa> tile;
    tile.load(x, rows, classes);
    LaneSums<Isa> sums;
#pragma GCC unroll 4
    for (int part = 0; part < parts; ++part) {
      auto const most = largest(tile, classes, part, -__builtin_inff());
      add(
          classes, part, sums, [&](std::int64_t k) __attribute__((always_inline)) {
            __builtin_prefetch(x + (side_by_side * classes + k * lanes), 0, 2); // the next tile
            float* const at = tile.of_class(k, part);
            auto const value = exponential<Isa>((Isa::load(at) - most) * Isa::all(factor));
            Isa::store(at, value);
            return value;
          });
    }
    double sum[lanes];
    float scale[lanes];
    sums.store(sum);
    for (int i = 0; i < lanes; ++i) {
      scale[i] = static_cast<float>(1 / sum[i]);
    }
#pragma GCC unroll 4
    for (int part = 0; part < parts; ++part) {
      auto const by = Isa::load(scale + part * Isa::lanes);
      for (std::int64_t k = 0; k < classes; ++k) {
        float* const at = tile.of_class(k, part);
        Isa::store(at, Isa::load(at) * by);
      }
    }
    if (to != nullptr) {
      describe(tile, rows, classes, *to);
    }
    tile.store(p, rows, classes);
    for (std::int64_t row = 0; row < rows; ++row) {
      flags[row] = 0;
      if (!(sum[row] < __builtin_inf())) {
        flags[row] = row_nonfinite;
        for (std::int64_t k = 0; k < classes; ++k) {
          p[row * classes + k] = __builtin_nanf("");
        }
      }
    }
  }

  static void describe(float const* p, std::int64_t rows, std::int64_t classes,
                       Described const& to) {
    Tile<Isa> tile;
    tile.load(p, rows, classes);
    describe(tile, rows, classes, to);
  }

  [[gnu::always_inline]] static void describe(Tile<Isa>& tile, std::int64_t rows,
                                              std::int64_t classes, Described const& to) {
    LaneSums<Isa> sums;
    float confidence[lanes];
    float prediction[lanes];
#pragma GCC unroll 4
    for (int part = 0; part < parts; ++part) {
      add(
          classes, part, sums, [&](std::int64_t k) __attribute__((always_inline)) {
            return p_log2_p<Isa>(Isa::load(tile.of_class(k, part)));
          });
      auto const most = largest(tile, classes, part, -1);
      auto first = Isa::all(0);
      auto index = Isa::all(static_cast<float>(classes));
      for (auto k = classes - 1; k >= 0; --k) { // the lowest is the last to be found
        index = index - Isa::all(1);
        first = Isa::where_equal(Isa::load(tile.of_class(k, part)), most, index, first);
      }
      Isa::store(confidence + part * Isa::lanes, most);
      Isa::store(prediction + part * Isa::lanes, first);
    }
    double sum[lanes];
    sums.store(sum);
    for (std::int64_t row = 0; row < rows; ++row) {
      to.entropy[row] = 0 - ln2 * sum[row];
      to.confidence[row] = confidence[row];
      to.prediction[row] = confidence[row] > -1 ? static_cast<std::int32_t>(prediction[row]) : 0;
    }
  }
};

} // namespace
} // namespace fod::rows
