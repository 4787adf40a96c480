#pragma once

#include "lane_sums.hpp"

/// Sixteen rows, transposed.
namespace fod::rows {
namespace {

constexpr std::int64_t narrow_most = 64; ///< classes for which it is worth that
constexpr std::int64_t side_by_side = lanes;

/// Square blocks of a register's width.
template <class Isa>
struct Square {
  using Floats = typename Isa::Floats;

  template <int Distance, int... Index>
  [[gnu::always_inline]] static void exchange(Floats& a, Floats& b, Indices<Index...> /*lanes*/) {
    auto const upper = __builtin_shufflevector(
        a, b, ((Index & Distance) == 0 ? Index : Index - Distance + Isa::lanes)...);
    b = __builtin_shufflevector(
        a, b, ((Index & Distance) == 0 ? Index + Distance : Index + Isa::lanes)...);
    a = upper;
  }

  template <int Distance>
  [[gnu::always_inline]] static void exchange(Floats* rows) {
#pragma GCC unroll 16
    for (int i = 0; i < Isa::lanes; ++i) {
      if ((i & Distance) == 0) {
        exchange<Distance>(rows[i], rows[i + Distance], typename Isa::Every());
      }
    }
  }

  [[gnu::always_inline]] static void transpose(Floats* rows) {
    if constexpr (Isa::lanes > 8) {
      exchange<8>(rows);
    }
    if constexpr (Isa::lanes > 4) {
      exchange<4>(rows);
    }
    exchange<2>(rows);
    exchange<1>(rows);
  }
};

/// Sixteen rows; entries of a class are together.
template <class Isa>
class Tile {
public:
  using Floats = typename Isa::Floats;
  static constexpr int parts = lanes / Isa::lanes;

  /// Missing rows are 0.
  [[gnu::always_inline]] void load(float const* from, std::int64_t rows, std::int64_t classes) {
    for_squares(classes, [&](std::int64_t k, int part, Floats* square) {
#pragma GCC unroll 16
      for (int i = 0; i < Isa::lanes; ++i) {
        auto const row = part * Isa::lanes + i;
        square[i] = row < rows ? Isa::load(from + row * classes + k, classes - k, 0) : Isa::all(0);
      }
      Square<Isa>::transpose(square);
#pragma GCC unroll 16
      for (int i = 0; i < Isa::lanes; ++i) {
        Isa::store(of_class(k + i, part), square[i]);
      }
    });
  }

  [[gnu::always_inline]] void store(float* to, std::int64_t rows, std::int64_t classes) {
    for_squares(classes, [&](std::int64_t k, int part, Floats* square) {
#pragma GCC unroll 16
      for (int i = 0; i < Isa::lanes; ++i) {
        square[i] = Isa::load(of_class(k + i, part));
      }
      Square<Isa>::transpose(square);
#pragma GCC unroll 16
      for (int i = 0; i < Isa::lanes; ++i) {
        auto const row = part * Isa::lanes + i;
        if (row < rows) {
          Isa::store(to + row * classes + k, classes - k, square[i]);
        }
      }
    });
  }

  [[gnu::always_inline]] float* of_class(std::int64_t k, int part) {
    return values_ + k * lanes + part * Isa::lanes;
  }

private:
  template <class Run>
  [[gnu::always_inline]] static void for_squares(std::int64_t classes, Run const& run) {
    for (std::int64_t k = 0; k < classes; k += Isa::lanes) {
      for (int part = 0; part < parts; ++part) {
        Floats square[Isa::lanes];
        run(k, part, square);
      }
    }
  }

  alignas(64) float values_[narrow_most * lanes]; // up to whole squares
};

} // namespace
} // namespace fod::rows
