#pragma once

#include "elementary.hpp"

/// Sums over the classes of a row of which class k is in lane k mod 16, whatever the width of a
/// register.
namespace fod::rows {
namespace {

constexpr int lanes = 16;

/// Sixteen sums in float64, one per lane.
template <class Isa>
class LaneSums {
public:
  using Floats = typename Isa::Floats;
  using Doubles = typename Isa::Doubles;

  /// @param part which lanes: the register's first is part * Isa::lanes
  [[gnu::always_inline]] void add(int part, Floats terms) {
    sums_[2 * part] += Isa::low(terms);
    sums_[2 * part + 1] += Isa::high(terms);
  }

  /// All of them, one per lane.
  [[gnu::always_inline]] void store(double* to) const {
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) {
      Isa::store_doubles(to + i * Isa::lanes / 2, sums_[i]);
    }
  }

  /// Their sum, by halves.
  [[nodiscard, gnu::always_inline]] double total() const {
    double all[lanes];
    store(all);
    add_half<8>(all);
    add_half<4>(all);
    add_half<2>(all);
    return all[0] + all[1];
  }

private:
  template <int Half>
  [[gnu::always_inline]] static void add_half(double* all) {
#pragma GCC unroll 8
    for (int i = 0; i < Half; ++i) {
      all[i] += all[i + Half];
    }
  }

  static constexpr int count = 2 * lanes / Isa::lanes;
  Doubles sums_[count] = {};
};

/// Terms of a lane that are added in float32 before float64 takes over, whose sums cost four times
/// as much.
constexpr int group = 8;

/// The sum over a row of terms(k), the terms of the classes from k on; at the end of the row of
/// terms(k, count), of which those from `count` on are 0.
template <class Isa, class Terms>
[[gnu::always_inline]] inline double sum_of(std::int64_t classes, Terms const& terms) {
  constexpr int parts = lanes / Isa::lanes;
  LaneSums<Isa> sums;
  std::int64_t k = 0;
  for (; k + group * lanes <= classes; k += group * lanes) {
#pragma GCC unroll 4
    for (int part = 0; part < parts; ++part) {
      auto const four = [&](std::int64_t at) __attribute__((always_inline)) {
        auto const a = terms(at);
        auto const b = terms(at + lanes);
        auto const c = terms(at + 2 * lanes);
        auto const d = terms(at + 3 * lanes);
        return (a + b) + (c + d);
      };
      auto const at = k + part * Isa::lanes;
      auto const first = four(at);
      sums.add(part, first + four(at + 4 * lanes));
    }
  }
  typename Isa::Floats rest[parts] = {}; // of fewer terms
  for (; k + lanes <= classes; k += lanes) {
#pragma GCC unroll 4
    for (int part = 0; part < parts; ++part) {
      rest[part] += terms(k + part * Isa::lanes);
    }
  }
#pragma GCC unroll 4
  for (int part = 0; part < parts; ++part) {
    if (auto const at = k + part * Isa::lanes; at < classes) {
      rest[part] += terms(at, classes - at);
    }
    sums.add(part, rest[part]);
  }
  return sums.total();
}

} // namespace
} // namespace fod::rows
