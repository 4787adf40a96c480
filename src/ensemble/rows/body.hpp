#pragma once

#include "narrow.hpp"
#include "wide_softmax.hpp"

/// Everything for the instructions and registers of `Isa`.
namespace fod::rows {
namespace {

template <class Isa>
struct Body {
  static void widen_float16(std::uint16_t const* from, std::int64_t count, float* to) {
    widen(
        from, count, to, [](std::uint16_t const* at) __attribute__((always_inline)) {
          return Isa::from_float16(at);
        });
  }
  static void widen_bfloat16(std::uint16_t const* from, std::int64_t count, float* to) {
    widen(
        from, count, to, [](std::uint16_t const* at) __attribute__((always_inline)) {
          return Isa::from_bfloat16(at);
        });
  }

  static void softmax(float const* x, std::int64_t rows, std::int64_t classes, float factor,
                      float* p, std::uint8_t* flags, Described const* to) {
    if (classes > narrow_most) {
      if (factor == 1) {
        near_softmax(Exponents<Isa, false>{x, classes, factor}, rows, p, flags, to);
      } else {
        near_softmax(Exponents<Isa, true>{x, classes, factor}, rows, p, flags, to);
      }
      return;
    }
    for (std::int64_t row = 0; row < rows; row += side_by_side) {
      auto const some = rows - row < side_by_side ? rows - row : side_by_side;
      auto const at = row * classes;
      if (to != nullptr) {
        auto const here = to->from(row);
        Narrow<Isa>::softmax(x + at, some, classes, factor, p + at, flags + row, &here);
      } else {
        Narrow<Isa>::softmax(x + at, some, classes, factor, p + at, flags + row, nullptr);
      }
    }
  }

  static void softmax_wide(double const* x, std::int64_t rows, std::int64_t classes, double factor,
                           float* p, std::uint8_t* flags, Described const* to) {
    near_softmax(WideExponents<Isa>{x, classes, factor}, rows, p, flags, to);
  }

  static void describe(float const* p, std::int64_t rows, std::int64_t classes,
                       Described const& to) {
    if (classes > narrow_most) {
      for_near_rows(rows, classes, [&](std::int64_t begin, std::int64_t end) {
        for (auto row = begin; row < end; ++row) {
          Wide<Isa>::describe(p + row * classes, classes, to.from(row));
        }
        Wide<Isa>::predict(p + begin * classes, end - begin, classes, to.from(begin));
      });
      return;
    }
    for (std::int64_t row = 0; row < rows; row += side_by_side) {
      auto const some = rows - row < side_by_side ? rows - row : side_by_side;
      Narrow<Isa>::describe(p + row * classes, some, classes, to.from(row));
    }
  }

  static void mean(float const* from, std::int64_t stride, std::int64_t members,
                   double const* weights, std::int64_t count, float* to) {
    std::int64_t i = 0;
    for (; i + Isa::lanes <= count; i += Isa::lanes) {
      auto low = Isa::all_doubles(0);
      auto high = low;
      for (std::int64_t m = 0; m < members; ++m) {
        auto const p = Isa::load(from + m * stride + i);
        low += Isa::all_doubles(weights[m]) * Isa::low(p);
        high += Isa::all_doubles(weights[m]) * Isa::high(p);
      }
      Isa::store(to + i, Isa::narrow(low, high));
    }
    for (; i < count; ++i) {
      double sum = 0;
      for (std::int64_t m = 0; m < members; ++m) {
        sum += weights[m] * static_cast<double>(from[m * stride + i]);
      }
      to[i] = static_cast<float>(sum);
    }
  }

  static constexpr Kernels kernels(char const* name) {
    return {name,         widen_float16, widen_bfloat16,    softmax,
            softmax_wide, describe,      Wide<Isa>::add_up, mean};
  }

private:
  /// Calls run(begin, end) for rows that fit the first cache together.
  template <class Run>
  [[gnu::always_inline]] static void for_near_rows(std::int64_t rows, std::int64_t classes,
                                                   Run const& run) {
    auto const some = near_values / classes;
    auto const near = some < 1 ? 1 : some < near_rows ? some : near_rows;
    for (std::int64_t row = 0; row < rows; row += near) {
      run(row, row + near < rows ? row + near : rows);
    }
  }

  template <class From>
  static void near_softmax(From const& first, std::int64_t rows, float* p, std::uint8_t* flags,
                           Described const* to) {
    auto const classes = first.classes;
    bool const at_once = to != nullptr && classes > narrow_most;
    for_near_rows(rows, classes, [&](std::int64_t begin, std::int64_t end) {
      auto const here = at_once ? to->from(begin) : Described();
      auto const at = begin * classes;
      WideSoftmax<Isa>::run(From{first.x + at, classes, first.factor}, end - begin, p + at,
                            flags + begin, at_once ? &here : nullptr);
      if (at_once) {
        Wide<Isa>::predict(p + at, end - begin, classes, here);
      } else if (to != nullptr) {
        describe(p + at, end - begin, classes, to->from(begin));
      }
    });
  }

  template <class Load>
  [[gnu::always_inline]] static void widen(std::uint16_t const* from, std::int64_t count, float* to,
                                           Load const& load) {
    std::int64_t i = 0;
    for (; i + Isa::lanes <= count; i += Isa::lanes) {
      Isa::store(to + i, load(from + i));
    }
    if (i < count) {
      std::uint16_t some[Isa::lanes] = {};
      float wide[Isa::lanes];
      __builtin_memcpy(some, from + i, static_cast<std::size_t>(count - i) * sizeof *from);
      Isa::store(wide, load(some));
      __builtin_memcpy(to + i, wide, static_cast<std::size_t>(count - i) * sizeof *to);
    }
  }
};

} // namespace
} // namespace fod::rows
