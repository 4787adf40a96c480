#pragma once

#include "lane_sums.hpp"

/// A row after the other, for many classes: what is found in it.
namespace fod::rows {
namespace {

template <class Isa>
struct Wide {
  using Floats = typename Isa::Floats;

  /// Of all lanes, or of the first few; the others are `other`.
  [[gnu::always_inline]] static Floats load(float const* from, float /*other*/) {
    return Isa::load(from);
  }
  [[gnu::always_inline]] static Floats load(float const* from, float other, std::int64_t count) {
    return Isa::load(from, count, other);
  }

  template <int Distance, int... Index>
  [[gnu::always_inline]] static Floats larger_of_pairs(Floats values, Indices<Index...> /*lanes*/) {
    return Isa::larger(values, __builtin_shufflevector(values, values, (Index ^ Distance)...));
  }

  /// The largest lane; none is NaN.
  [[gnu::always_inline]] static float largest_lane(Floats values) {
    using Every = typename Isa::Every;
    if constexpr (Isa::lanes > 8) {
      values = larger_of_pairs<8>(values, Every());
    }
    if constexpr (Isa::lanes > 4) {
      values = larger_of_pairs<4>(values, Every());
    }
    values = larger_of_pairs<2>(values, Every());
    values = larger_of_pairs<1>(values, Every());
    return values[0];
  }

  /// The largest entry above `least`, else that. NaN is none.
  [[gnu::always_inline]] static float largest(float const* x, std::int64_t classes, float least) {
    Floats found[4] = {Isa::all(least), Isa::all(least), Isa::all(least), Isa::all(least)};
    std::int64_t k = 0;
    for (; k + 4 * Isa::lanes <= classes; k += 4 * Isa::lanes) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        found[i] = Isa::larger(Isa::load(x + k + i * Isa::lanes), found[i]);
      }
    }
    for (; k < classes; k += Isa::lanes) {
      found[0] = Isa::larger(Isa::load(x + k, classes - k, least), found[0]);
    }
    return largest_lane(
        Isa::larger(Isa::larger(found[0], found[1]), Isa::larger(found[2], found[3])));
  }

  /// The first class with that value, 0 if there is none.
  [[gnu::always_inline]] static std::int32_t first(float const* p, std::int64_t classes,
                                                   float value) {
    for (std::int64_t k = 0; k < classes; k += Isa::lanes) {
      auto const equal =
          Isa::equal(Isa::load(p + k, classes - k, __builtin_nanf("")), Isa::all(value));
      if (equal != 0) {
        return static_cast<std::int32_t>(k) + __builtin_ctz(equal);
      }
    }
    return 0;
  }

  /// Of the distribution that `p_of`, called as `sum_of` says, gives; all but the prediction.
  template <class Probabilities>
  [[gnu::always_inline]] static void describe(std::int64_t classes, Probabilities const& p_of,
                                              Described const& to) {
    auto most = Isa::all(-1);
    auto const term = [&](auto... place) __attribute__((always_inline)) {
      auto const value = p_of(place...);
      most = Isa::larger(value, most);
      return p_log2_p<Isa>(value);
    };
    *to.entropy = 0 - ln2 * sum_of<Isa>(classes, term);
    *to.confidence = largest_lane(most);
  }

  /// The prediction, of rows that are described. Where it is cannot be foretold, so that the
  /// processor starts on the wrong way once per row: all rows are worked out before that.
  static void predict(float const* p, std::int64_t rows, std::int64_t classes,
                      Described const& to) {
    for (std::int64_t row = 0; row < rows; ++row) {
      auto const value = to.confidence[row];
      to.prediction[row] = value > -1 ? first(p + row * classes, classes, value) : 0;
    }
  }

  /// The same where the largest is known.
  template <class Probabilities>
  [[gnu::always_inline]] static void describe(std::int64_t classes, Probabilities const& p_of,
                                              float largest, Described const& to) {
    auto const term = [&](auto... place) __attribute__((always_inline)) {
      return p_log2_p<Isa>(p_of(place...));
    };
    *to.entropy = 0 - ln2 * sum_of<Isa>(classes, term);
    *to.confidence = largest;
  }

  static void describe(float const* p, std::int64_t classes, Described const& to) {
    auto const load = [&](std::int64_t k, auto... count) __attribute__((always_inline)) {
      return Wide::load(p + k, -1, count...); // which neither counts nor is the largest
    };
    describe(classes, load, to);
  }

  static Sums add_up(float const* p, std::int64_t classes, float tolerance) {
    unsigned outside = 0;
    LaneSums<Isa> all;
    LaneSums<Isa> positive;
    for (std::int64_t k = 0; k < classes; k += lanes) {
#pragma GCC unroll 4
      for (int part = 0; part < lanes / Isa::lanes; ++part) {
        if (auto const at = k + part * Isa::lanes; at < classes) {
          auto const value = Isa::load(p + at, classes - at, 0);
          all.add(part, value);
          positive.add(part, Isa::product_where_positive(value, value, Isa::all(1)));
          outside |= Isa::less(value, Isa::all(-tolerance));
          outside |= Isa::less(Isa::all(1 + tolerance), value);
        }
      }
    }
    return {all.total(), positive.total(), outside != 0};
  }
};

} // namespace
} // namespace fod::rows
