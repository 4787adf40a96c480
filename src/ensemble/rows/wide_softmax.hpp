#pragma once

#include "wide.hpp"

/// Softmax of many classes. A few rows that fit the first cache together take each pass after the
/// other, so that the end of a row's pass, which waits for sums, runs beside the next row's begin.
namespace fod::rows {
namespace {

constexpr std::int64_t near_rows = 32;
constexpr std::int64_t near_values = 2048;

/// The exponentials of a row. Those behind its last sixteen are kept apart for now: what was
/// written in part would be waited for when it is read.
template <class Isa>
class Powers {
public:
  using Floats = typename Isa::Floats;

  [[gnu::always_inline]] static void keep(float* row, Floats value, std::int64_t k) {
    Isa::store(row + k, value);
  }
  [[gnu::always_inline]] void keep(float* /*row*/, Floats value, std::int64_t k,
                                   std::int64_t /*count*/) {
    Isa::store(rest_ + k % lanes, value);
  }
  [[gnu::always_inline]] static Floats scale(float* row, Floats by, std::int64_t k) {
    auto const value = Isa::load(row + k) * by;
    Isa::store(row + k, value);
    return value;
  }
  [[gnu::always_inline]] Floats scale(float* row, Floats by, std::int64_t k, std::int64_t count) {
    auto const value = Isa::load(rest_ + k % lanes) * by;
    Isa::store(row + k, count, value);
    return value;
  }

private:
  float rest_[lanes];
};

/// What exponentials are taken of in float32.
/// @tparam Scaled the factor is not 1
template <class Isa, bool Scaled>
struct Exponents {
  using Floats = typename Isa::Floats;
  float const* x;
  std::int64_t classes;
  float factor;
  float most = -__builtin_inff();

  [[gnu::always_inline]] void find_most() { most = Wide<Isa>::largest(x, classes, most); }
  /// e^(factor (x - most)), as `sum_of` asks for it.
  template <class... Count>
  [[gnu::always_inline]] Floats power(std::int64_t k, Count... count) const {
    auto const value = Wide<Isa>::load(x + k, -__builtin_inff(), count...);
    auto const below = value - Isa::all(most);
    return exponential<Isa>(Scaled ? below * Isa::all(factor) : below);
  }
};

/// In float64. The exponent is taken apart in two float32: e^(a + b) = e^a (1 + b) for a small b.
template <class Isa>
struct WideExponents {
  using Floats = typename Isa::Floats;
  double const* x;
  std::int64_t classes;
  double factor;
  double most = -__builtin_inf();

  [[gnu::always_inline]] void find_most() {
    for (std::int64_t k = 0; k < classes; ++k) {
      most = x[k] > most ? x[k] : most;
    }
  }
  [[gnu::always_inline]] Floats power(std::int64_t k) const { return power(x + k); }
  [[gnu::always_inline]] Floats power(std::int64_t k, std::int64_t count) const {
    double rest[Isa::lanes];
    for (int i = 0; i < Isa::lanes; ++i) {
      rest[i] = i < count ? x[k + i] : -__builtin_inf();
    }
    return power(rest);
  }

private:
  [[gnu::always_inline]] Floats power(double const* at) const {
    auto const by = Isa::all_doubles(factor);
    auto const low = (Isa::load_doubles(at) - Isa::all_doubles(most)) * by;
    auto const high = (Isa::load_doubles(at + Isa::lanes / 2) - Isa::all_doubles(most)) * by;
    auto const a = Isa::narrow(low, high);
    auto const b = Isa::narrow(low - Isa::low(a), high - Isa::high(a));
    auto const value = exponential<Isa>(a);
    return Isa::product_unless_below(a, least_exponent, Isa::fma(value, b, value), Isa::all(1));
  }
};

template <class Isa>
struct WideSoftmax {
  using Floats = typename Isa::Floats;

  /// Makes exponentials a distribution. @return the row's flags
  [[gnu::always_inline]] static std::uint8_t
  normalise(Powers<Isa>& powers, float* p, std::int64_t classes, double sum, Described const* to) {
    if (!(sum < __builtin_inf())) {
      for (std::int64_t k = 0; k < classes; ++k) {
        p[k] = __builtin_nanf("");
      }
      if (to != nullptr) {
        Wide<Isa>::describe(p, classes, *to);
      }
      return row_nonfinite;
    }
    auto const scale = static_cast<float>(1 / sum);
    auto const scaled = [&](auto... place) __attribute__((always_inline)) {
      return powers.scale(p, Isa::all(scale), place...);
    };
    if (to != nullptr) {
      Wide<Isa>::describe(classes, scaled, scale * largest_power, *to);
      return 0;
    }
    std::int64_t k = 0;
    for (; k + lanes <= classes; k += lanes) {
#pragma GCC unroll 4
      for (int part = 0; part < lanes / Isa::lanes; ++part) {
        scaled(k + part * Isa::lanes);
      }
    }
    for (; k < classes; k += Isa::lanes) {
      scaled(k, classes - k);
    }
    return 0;
  }

  /// Of not more than `near_rows` rows, of which the first is given.
  template <class From>
  static void run(From const& first, std::int64_t rows, float* p, std::uint8_t* flags,
                  Described const* to) {
    auto const classes = first.classes;
    Powers<Isa> powers[near_rows];
    double sums[near_rows];
    decltype(first.most) most[near_rows];
    for (std::int64_t row = 0; row < rows; ++row) {
      auto from = row_of(first, row);
      from.find_most();
      most[row] = from.most;
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      auto from = row_of(first, row);
      from.most = most[row];
      auto const term = [&](std::int64_t k, auto... count) __attribute__((always_inline)) {
        __builtin_prefetch(from.x + rows * classes + k, 0, 2); // what comes next
        auto const value = from.power(k, count...);
        powers[row].keep(p + row * classes, value, k, count...);
        return value;
      };
      sums[row] = sum_of<Isa>(classes, term);
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      auto const here = to != nullptr ? to->from(row) : Described();
      flags[row] = normalise(powers[row], p + row * classes, classes, sums[row],
                             to != nullptr ? &here : nullptr);
    }
  }

private:
  template <class From>
  [[gnu::always_inline]] static From row_of(From const& first, std::int64_t row) {
    return {first.x + row * first.classes, first.classes, first.factor};
  }
};

} // namespace
} // namespace fod::rows
