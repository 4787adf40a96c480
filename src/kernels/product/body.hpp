#pragma once

#include "../product.hpp"

/// Included once per instruction set, by files that are compiled for it. Nothing here may be shared
/// with other files (hence no function of the standard library): the linker would keep one copy,
/// which an older processor might not know.
namespace fod::product {
namespace {

/// Vectors of `Bytes` bytes.
template <int Bytes>
struct Vectors {
  // NOLINTNEXTLINE(modernize-use-using): GCC takes the attribute's dependent size in this form only
  typedef float Floats __attribute__((vector_size(Bytes)));
  // NOLINTNEXTLINE(modernize-use-using)
  typedef float Halves __attribute__((vector_size(Bytes / 2)));
  // NOLINTNEXTLINE(modernize-use-using)
  typedef double Doubles __attribute__((vector_size(Bytes)));
  // NOLINTNEXTLINE(modernize-use-using)
  typedef std::int64_t Integers __attribute__((vector_size(Bytes)));
  // NOLINTNEXTLINE(modernize-use-using)
  typedef std::uint64_t Words __attribute__((vector_size(Bytes)));
};

/// From and to any address.
template <class V, class T>
[[gnu::always_inline]] inline V load(T const* from) {
  V value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <class V, class T>
[[gnu::always_inline]] inline void store(T* to, V value) {
  __builtin_memcpy(to, &value, sizeof value);
}

/// Adding this to a double below 2^51 leaves it, rounded to an integer, in the lowest bits.
constexpr double magic = 6755399441055744.0; // 1.5 * 2^52
constexpr std::int64_t magic_bits = 0x4338000000000000;

/// Everything for registers of `Bytes` bytes, `TileRows` * `TileVectors` of which hold sums.
template <int Bytes, int TileRows, int TileVectors>
struct Body {
  using Floats = typename Vectors<Bytes>::Floats;
  using Halves = typename Vectors<Bytes>::Halves;
  using Doubles = typename Vectors<Bytes>::Doubles;
  using Integers = typename Vectors<Bytes>::Integers;
  using Words = typename Vectors<Bytes>::Words;
  static constexpr std::int64_t lanes = Bytes / 4;
  static constexpr std::int64_t doubles = Bytes / 8;

  template <int Count>
  [[gnu::always_inline]] static void tile(float const* a, float const* b, std::int64_t rows,
                                          bool add, float* c) {
    constexpr std::int64_t ahead = 8; // rows: what is to come is asked for in time
    Floats sums[TileRows][Count] = {};
    for (std::int64_t k = 0; k < rows; ++k) {
      __builtin_prefetch(a + (k + ahead) * panel);
      Floats right[Count];
#pragma GCC unroll 4
      for (int v = 0; v < Count; ++v) {
        right[v] = load<Floats>(b + k * panel + v * lanes);
      }
#pragma GCC unroll 16
      for (int i = 0; i < TileRows; ++i) {
        Floats const left = a[k * panel + i] - Floats{};
#pragma GCC unroll 4
        for (int v = 0; v < Count; ++v) {
          sums[i][v] += left * right[v];
        }
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < TileRows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < Count; ++v) {
        float* to = c + i * panel + v * lanes;
        store(to, add ? load<Floats>(to) + sums[i][v] : sums[i][v]);
      }
    }
  }

  static void multiply(float const* a, float const* b, std::int64_t rows, std::int64_t columns,
                       bool diagonal, bool add, float* c) {
    for (std::int64_t i = 0; i < panel; i += TileRows) {
      auto j = diagonal ? i / lanes * lanes : 0;
      for (; j + (TileVectors - 1) * lanes < columns && j + TileVectors * lanes <= panel;
           j += TileVectors * lanes) {
        tile<TileVectors>(a + i, b + j, rows, add, c + i * panel + j);
      }
      for (; j + lanes < columns && j + 2 * lanes <= panel; j += 2 * lanes) {
        tile<2>(a + i, b + j, rows, add, c + i * panel + j);
      }
      for (; j < columns; j += lanes) {
        tile<1>(a + i, b + j, rows, add, c + i * panel + j);
      }
    }
  }

  [[gnu::always_inline]] static Doubles widen(float const* from) {
    return __builtin_convertvector(load<Halves>(from), Doubles);
  }

  static void observe(float const* rows, std::int64_t stride, std::int64_t count,
                      std::int64_t columns, Columns const& found) {
    std::int64_t j = 0;
    for (; j + doubles <= columns; j += doubles) {
      auto const shift = load<Doubles>(found.shift + j);
      auto const scale = load<Doubles>(found.scale + j);
      auto sums = load<Doubles>(found.sums + j);
      auto smallest = load<Halves>(found.smallest + j);
      auto largest = load<Halves>(found.largest + j);
      for (std::int64_t k = 0; k < count; ++k) {
        auto const x = load<Halves>(rows + k * stride + j);
        sums += (__builtin_convertvector(x, Doubles) - shift) * scale;
        smallest = x < smallest ? x : smallest;
        largest = x > largest ? x : largest;
      }
      store(found.sums + j, sums);
      store(found.smallest + j, smallest);
      store(found.largest + j, largest);
    }
    for (; j < columns; ++j) {
      for (std::int64_t k = 0; k < count; ++k) {
        auto const x = rows[k * stride + j];
        found.sums[j] += (static_cast<double>(x) - found.shift[j]) * found.scale[j];
        found.smallest[j] = x < found.smallest[j] ? x : found.smallest[j];
        found.largest[j] = x > found.largest[j] ? x : found.largest[j];
      }
    }
  }

  static void centre(float const* rows, std::int64_t stride, std::int64_t count,
                     std::int64_t columns, Centring const& by, float* packed) {
    std::int64_t j = 0;
    for (; j + doubles <= columns; j += doubles) {
      auto const shift = load<Doubles>(by.shift + j);
      auto const scale = load<Doubles>(by.scale + j);
      auto const mean = load<Doubles>(by.mean + j);
      auto residue = load<Doubles>(by.residue + j);
      Halves squares = {}; // of a few rows only: in float32 that is good to a percent
      for (std::int64_t k = 0; k < count; ++k) {
        __builtin_prefetch(rows + (k + count) * stride + j); // rows of the next call
        auto const x = widen(rows + k * stride + j);
        auto const centred = __builtin_convertvector((x - shift) * scale - mean, Halves);
        store(packed + k * panel + j, centred);
        residue += __builtin_convertvector(centred, Doubles);
        squares += centred * centred;
      }
      store(by.residue + j, residue);
      store(by.squares + j,
            load<Doubles>(by.squares + j) + __builtin_convertvector(squares, Doubles));
    }
    for (; j < columns; ++j) {
      for (std::int64_t k = 0; k < count; ++k) {
        auto const x = static_cast<double>(rows[k * stride + j]);
        auto const centred = static_cast<float>((x - by.shift[j]) * by.scale[j] - by.mean[j]);
        packed[k * panel + j] = centred;
        by.residue[j] += static_cast<double>(centred);
        by.squares[j] += static_cast<double>(centred * centred);
      }
    }
  }

  static void convert(float const* c, double unit, double left, double const* right,
                      std::int64_t columns, std::int64_t* to) {
    std::int64_t j = 0;
    for (; j + doubles <= columns; j += doubles) {
      auto const units = widen(c + j) * unit + left * load<Doubles>(right + j);
      auto const shifted = units + magic;
      store(to + j, load<Integers>(to + j) + (reinterpret_cast<Integers>(shifted) - magic_bits));
    }
    convert_large(c + j, unit, left, right + j, columns - j, to + j);
  }

  static void convert_large(float const* c, double unit, double left, double const* right,
                            std::int64_t columns, std::int64_t* to) {
    for (std::int64_t j = 0; j < columns; ++j) {
      auto const units = static_cast<double>(c[j]) * unit + left * right[j];
      to[j] += static_cast<std::int64_t>(__builtin_rint(units));
    }
  }

  static void add(std::int64_t const* from, std::int64_t columns, std::int64_t* to) {
    for (std::int64_t j = 0; j < columns; ++j) {
      to[j] += from[j];
    }
  }

  static void add_scaled(float const* row, double const* shift, double const* scale, double unit,
                         std::int64_t columns, std::int64_t* to) {
    constexpr auto magic_word = static_cast<std::uint64_t>(magic_bits); // what wraps is unsigned
    std::int64_t j = 0;
    for (; j + doubles <= columns; j += doubles) {
      auto const units =
          (widen(row + j) - load<Doubles>(shift + j)) * load<Doubles>(scale + j) * unit;
      auto const shifted = units + magic;
      store(to + j, load<Words>(to + j) + reinterpret_cast<Words>(shifted) - magic_word);
    }
    for (; j < columns; ++j) {
      auto const shifted = (static_cast<double>(row[j]) - shift[j]) * scale[j] * unit + magic;
      std::uint64_t bits = 0;
      __builtin_memcpy(&bits, &shifted, sizeof bits);
      to[j] = static_cast<std::int64_t>(static_cast<std::uint64_t>(to[j]) + bits - magic_word);
    }
  }

  static constexpr Kernels kernels(char const* name) {
    return {name, observe, centre, multiply, convert, convert_large, add, add_scaled};
  }
};

} // namespace
} // namespace fod::product
