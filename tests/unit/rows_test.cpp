#include "ensemble/rows/elementary.hpp"
#include "fod/ensemble.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace {

/// One lane.
struct Scalar {
  using Floats = float;
  struct Parts {
    float exponent;
    float mantissa;
  };
  static float all(float value) { return value; }
  static float fma(float a, float b, float c) { return std::fma(a, b, c); }
  static float exponent_bits(float value) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) << 23);
  }
  static float product_unless_below(float d, float limit, float a, float b) {
    return d < limit ? 0 : a * b;
  }
  static Parts split(float p) {
    int exponent = 0;
    auto const mantissa = std::frexp(p, &exponent); // in [0.5, 1)
    bool const lower = mantissa < 0.75F;
    return {static_cast<float>(lower ? exponent - 1 : exponent), lower ? 2 * mantissa : mantissa};
  }
};

/// Units in the last place of the exact value, as float32 has them without subnormal numbers.
double ulps(double value, double exact) {
  return std::abs(value - exact) / std::ldexp(1.0, std::ilogb(exact) - 23);
}

float float_of(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}

/// The largest error over every `step`-th float32 in [-110, 0], of the kind that a sum and a
/// product keep.
double worst_exponential(std::uint32_t step) {
  double worst = 0;
  for (auto bits = std::bit_cast<std::uint32_t>(-0.0F);
       bits <= std::bit_cast<std::uint32_t>(-110.0F); bits += step) {
    auto const d = float_of(bits);
    auto const got = static_cast<double>(fod::rows::exponential<Scalar>(d));
    worst = std::max(worst, ulps(std::ldexp(got, -64), std::exp(static_cast<double>(d))));
  }
  return worst;
}

/// The same in (0, 1].
double worst_logarithm(std::uint32_t step) {
  double worst = 0;
  for (std::uint32_t bits = 1; bits < std::bit_cast<std::uint32_t>(1.0F); bits += step) {
    auto const p = float_of(bits);
    auto const got = static_cast<double>(fod::rows::log2_of<Scalar>(p));
    worst = std::max(worst, ulps(got, std::log2(static_cast<double>(p))));
  }
  return worst;
}

constexpr double most_ulps_exponential = 1;
constexpr double most_ulps_logarithm = 2.3;

/// Rows and all that kernels find.
struct Found {
  Found(std::int64_t rows, std::int64_t classes)
      : p(static_cast<std::size_t>(rows * classes)), entropy(static_cast<std::size_t>(rows)),
        confidence(entropy.size()), prediction(entropy.size()), flags(entropy.size()) {}
  fod::rows::Described view() { return {entropy.data(), confidence.data(), prediction.data()}; }

  std::vector<float> p;
  std::vector<double> entropy;
  std::vector<float> confidence;
  std::vector<std::int32_t> prediction;
  std::vector<std::uint8_t> flags;
};

template <class T>
bool same_bytes(std::vector<T> const& a, std::vector<T> const& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](T x, T y) {
    if constexpr (sizeof(T) == 8) {
      return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
    } else if constexpr (sizeof(T) == 4) {
      return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
    } else {
      return x == y;
    }
  });
}

/// A row that is not finite has no entropy and so on worth comparing.
void check_same(Found const& a, Found const& b) {
  REQUIRE(same_bytes(a.p, b.p));
  REQUIRE(a.flags == b.flags);
  REQUIRE(same_bytes(a.entropy, b.entropy));
  REQUIRE(same_bytes(a.confidence, b.confidence));
  REQUIRE(a.prediction == b.prediction);
}

/// Logits of which some rows have ties, are masked, far apart, or not finite.
std::vector<float> hostile_logits(std::int64_t rows, std::int64_t classes) {
  std::mt19937 generator(static_cast<unsigned>(97 * rows + classes));
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> x(static_cast<std::size_t>(rows * classes));
  std::generate(x.begin(), x.end(), [&] { return normal(generator); });
  auto const at = [&](std::int64_t row, std::int64_t k) -> float& {
    return x[static_cast<std::size_t>(row * classes + k % classes)];
  };
  constexpr auto infinity = std::numeric_limits<float>::infinity();
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t k = 0; k < classes; ++k) {
      float const sizes[] = {at(row, k), std::round(at(row, k)), 20 * at(row, k), -infinity, 1e37F};
      auto const kind = row % 12;
      at(row, k) = kind < 5                  ? at(row, k)
                   : kind == 8 && k % 3 != 0 ? sizes[3]
                                             : sizes[kind < 9    ? (kind - 4) % 3
                                                     : kind == 9 ? 4
                                                                 : 0];
    }
    if (row % 12 == 10) {
      at(row, row) = row % 24 == 10 ? infinity : NAN;
    } else if (row % 24 == 11) {
      std::fill_n(x.begin() + row * classes, classes, -infinity);
    }
  }
  return x;
}

constexpr std::int64_t class_counts[] = {1,   2,   3,   4,   10,   15,   16,   17,
                                         31,  33,  63,  64,  65,   79,   80,   100,
                                         127, 128, 129, 200, 1000, 1025, 2049, 5003};

} // namespace

TEST_CASE("exponential and logarithm are as near as they should be", "[rows]") {
  CHECK(worst_exponential(997) < most_ulps_exponential);
  CHECK(worst_logarithm(997) < most_ulps_logarithm);
  CHECK(fod::rows::exponential<Scalar>(0) == 0x1p64F);
  CHECK(fod::rows::exponential<Scalar>(-INFINITY) == 0);
  CHECK(std::isnan(fod::rows::exponential<Scalar>(NAN)));
  CHECK(fod::rows::log2_of<Scalar>(1) == 0);
  CHECK(fod::rows::log2_of<Scalar>(0x1p-149F) == -149);
}

TEST_CASE("they are for every float32", "[.][exhaustive][rows]") {
  CHECK(worst_exponential(1) < most_ulps_exponential);
  CHECK(worst_logarithm(1) < most_ulps_logarithm);
}

TEST_CASE("every instruction set finds the same bytes, at once or not", "[rows]") {
  for (auto const classes : class_counts) {
    std::int64_t const rows = classes > 500 ? 25 : 50;
    auto const x = hostile_logits(rows, classes);
    std::vector<double> const wide(x.begin(), x.end());
    std::vector<Found> first; // softmax, that of float64, a mean of both
    for (auto const* kernels : fod::rows::available()) {
      INFO(kernels->name << ", " << classes << " classes");
      std::vector<Found> found(3, Found(rows, classes));
      for (bool const at_once : {true, false}) {
        auto again = found;
        auto view = again[0].view();
        auto* to = at_once ? &view : nullptr;
        kernels->softmax(x.data(), rows, classes, 0.7F, again[0].p.data(), again[0].flags.data(),
                         to);
        auto view_wide = again[1].view();
        kernels->softmax_wide(wide.data(), rows, classes, 0.7, again[1].p.data(),
                              again[1].flags.data(), at_once ? &view_wide : nullptr);
        std::vector<float> both(again[0].p);
        both.insert(both.end(), again[1].p.begin(), again[1].p.end());
        std::vector<double> const weights{0.3, 0.7};
        kernels->mean(both.data(), rows * classes, 2, weights.data(), rows * classes,
                      again[2].p.data());
        again[2].flags = again[0].flags;
        for (std::size_t i = at_once ? 2 : 0; i < 3; ++i) {
          kernels->describe(again[i].p.data(), rows, classes, again[i].view());
        }
        if (at_once) {
          found = again;
        }
        for (std::size_t i = 0; i < 3; ++i) {
          check_same(again[i], found[i]);
        }
      }
      first = first.empty() ? found : first;
      for (std::size_t i = 0; i < 3; ++i) {
        check_same(found[i], first[i]);
      }
      for (std::int64_t row = 0; row < rows; ++row) {
        auto const* p = found[0].p.data() + row * classes;
        auto const sums = kernels->add_up(p, classes, 0.25F);
        auto const expected =
            fod::rows::available().back()->add_up(p, classes, 0.25F); // the generic one
        REQUIRE(std::bit_cast<std::uint64_t>(sums.positive) ==
                std::bit_cast<std::uint64_t>(expected.positive));
        REQUIRE((sums.all == expected.all || std::isnan(expected.all)));
        REQUIRE(sums.outside == expected.outside);
      }
    }
  }
}

TEST_CASE("a row's bits depend on the row alone", "[rows]") {
  for (auto const classes : class_counts) {
    constexpr std::int64_t rows = 37;
    auto const x = hostile_logits(rows, classes);
    auto const& kernels = fod::rows::best();
    Found all(rows, classes);
    auto const view = all.view();
    kernels.softmax(x.data(), rows, classes, 1, all.p.data(), all.flags.data(), &view);
    for (std::int64_t row = 0; row < rows; ++row) {
      std::vector<float> own(x.begin() + row * classes, x.begin() + (row + 1) * classes);
      Found alone(1, classes);
      auto const here = alone.view();
      kernels.softmax(own.data(), 1, classes, 1, own.data(), alone.flags.data(), &here); // in place
      auto const at = static_cast<std::size_t>(row);
      REQUIRE(
          same_bytes(own, {all.p.begin() + row * classes, all.p.begin() + (row + 1) * classes}));
      REQUIRE(same_bytes<double>({alone.entropy[0]}, {all.entropy[at]}));
      REQUIRE(same_bytes<float>({alone.confidence[0]}, {all.confidence[at]}));
      REQUIRE(alone.prediction[0] == all.prediction[at]);
      REQUIRE(alone.flags[0] == all.flags[at]);
    }
  }
}

TEST_CASE("every half-precision number is widened exactly", "[rows]") {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<std::uint16_t>(i);
  }
  auto const exact = [](std::uint16_t half) {
    auto const mantissa = static_cast<float>(half & 0x3ffU);
    auto const exponent = (half >> 10U) & 0x1fU;
    auto const size = exponent == 0 ? std::ldexp(mantissa, -24)
                      : exponent == 31
                          ? (mantissa == 0 ? INFINITY : NAN)
                          : std::ldexp(1024 + mantissa, static_cast<int>(exponent) - 25);
    return half >= 0x8000U ? -size : size;
  };
  for (auto const* kernels : fod::rows::available()) {
    for (std::size_t const count : {all.size(), std::size_t{65533}}) { // with a rest
      std::vector<float> wide(count);
      kernels->widen_float16(all.data(), static_cast<std::int64_t>(count), wide.data());
      std::vector<float> brain(count);
      kernels->widen_bfloat16(all.data(), static_cast<std::int64_t>(count), brain.data());
      for (std::size_t i = 0; i < count; ++i) {
        auto const expected = exact(all[i]);
        REQUIRE((wide[i] == expected || (std::isnan(wide[i]) && std::isnan(expected))));
        REQUIRE(std::signbit(wide[i]) ==
                std::signbit(float_of(static_cast<std::uint32_t>(i) << 16U)));
        REQUIRE(std::bit_cast<std::uint32_t>(brain[i]) == static_cast<std::uint32_t>(i) << 16U);
      }
    }
  }
}

TEST_CASE("what counts as no distribution", "[rows]") {
  for (auto const* kernels : fod::rows::available()) {
    for (std::int64_t const classes : {3, 16, 40}) {
      std::vector<float> p(static_cast<std::size_t>(classes), 0);
      p.back() = 1;
      CHECK_FALSE(kernels->add_up(p.data(), classes, 1e-4F).outside);
      CHECK(kernels->add_up(p.data(), classes, 1e-4F).all == 1);
      p[0] = -0.5F;
      auto const sums = kernels->add_up(p.data(), classes, 1e-4F);
      CHECK(sums.outside);
      CHECK(sums.all == 0.5);
      CHECK(sums.positive == 1);
      p[1] = NAN;
      CHECK(std::isnan(kernels->add_up(p.data(), classes, 1).all));
      CHECK_FALSE(kernels->add_up(p.data(), classes, 1).outside);
      p = std::vector<float>(static_cast<std::size_t>(classes), 0);
      p.back() = 1.5F;
      CHECK(kernels->add_up(p.data(), classes, 1e-4F).outside);
    }
  }
}
