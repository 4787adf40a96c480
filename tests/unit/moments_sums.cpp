#include "fod/moments.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>
#include <vector>

using fod::FixedSums;

namespace {

__extension__ using Wide = __int128;

constexpr double room = static_cast<double>(fod::limb_room);

FixedSums sums_of(std::vector<double> const& units, double limit) {
  FixedSums sums;
  sums.low.resize(1);
  for (auto const unit : units) {
    sums.add(0, unit, limit);
  }
  return sums;
}

} // namespace

TEST_CASE("digits of a number of units") {
  for (auto const units :
       std::vector<double>{0, 1, -1, 1099511627775, 1099511627776, -1099511627776, -1099511627777,
                           1e18, -1e18, 3e29, -3e29}) {
    auto const digits = fod::split(units);
    CHECK(digits.low >= 0);
    CHECK(digits.low < (std::int64_t{1} << fod::limb_bits));
    CHECK(std::ldexp(static_cast<long double>(digits.high), fod::limb_bits) +
              static_cast<long double>(digits.low) ==
          static_cast<long double>(units));
  }
}

TEST_CASE("sums are exact and do not depend on the order, also beyond one limb") {
  std::mt19937 generator(1);
  std::uniform_real_distribution<double> exponent(0, 90);
  std::vector<double> units;
  Wide exact = 0;
  for (int i = 0; i < 1000; ++i) {
    auto const value = std::nearbyint(std::exp2(exponent(generator))) * (i % 2 == 0 ? 1 : -1);
    units.push_back(value);
    exact += static_cast<Wide>(value);
  }
  double const limit = room / 1000;
  auto forward = sums_of(units, limit);
  std::reverse(units.begin(), units.end());
  auto backward = sums_of(units, limit);
  // Any number of parts, added up.
  FixedSums parts;
  parts.low.resize(1);
  for (std::size_t begin = 0; begin < units.size(); begin += 37) {
    auto part =
        sums_of({units.begin() + static_cast<std::ptrdiff_t>(begin),
                 units.begin() + static_cast<std::ptrdiff_t>(std::min(begin + 37, units.size()))},
                limit);
    part.canonicalise();
    parts.add(part);
    parts.canonicalise();
  }
  forward.canonicalise();
  backward.canonicalise();
  CHECK(forward == backward);
  CHECK(forward == parts);
  CHECK(forward.value(0, 0) == static_cast<long double>(exact));
  CHECK(forward.value(0, 3) == static_cast<long double>(exact) / 8);
}

TEST_CASE("the canonical form has a second limb only where it is needed") {
  for (auto const total : std::vector<double>{0, -5, room - 512, 512 - room}) {
    auto sums = sums_of({1e25, total, -1e25}, room / 4); // both limbs were used
    REQUIRE(!sums.high.empty());
    sums.canonicalise();
    CHECK(sums.high.empty());
    CHECK(sums.low[0] == static_cast<std::int64_t>(total));
  }
  for (auto const total : std::vector<double>{room, -room, room * 1000}) {
    auto sums = sums_of({total}, room / 4);
    sums.canonicalise();
    REQUIRE(!sums.high.empty());
    CHECK(sums.low[0] >= 0);
    CHECK(sums.value(0, 0) == static_cast<long double>(total));
  }
}

TEST_CASE("sums that outgrow one limb while parts are added go to a second one") {
  FixedSums part;
  part.low = {fod::limb_room - 1, 1 - fod::limb_room, 7};
  auto total = part;
  for (int i = 1; i < 9; ++i) {
    total.add(part);
  }
  total.canonicalise();
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(total.value(i, 0) == 9 * static_cast<long double>(part.low[i]));
  }
}

TEST_CASE("units leave room for every sample") {
  for (auto const samples : std::vector<std::int64_t>{1, 3, 1000, 1 << 20, 1'000'000'000'000}) {
    fod::BlockGrid const grid(samples, 64);
    auto const all = static_cast<double>(samples);
    auto const bits = fod::moment_bits(grid);
    CHECK(std::ldexp(64 * all, bits) <= room);
    CHECK(std::ldexp(64 * all, bits) > room / 4);
    auto const class_bits = fod::class_sum_bits(samples);
    CHECK(std::ldexp(fod::class_room * all, class_bits) <= room);
    CHECK(std::ldexp(fod::class_room, class_bits) <= std::ldexp(1.0, 51));
  }
}

TEST_CASE("shift and scale of block 0") {
  std::vector<float> values;
  for (int k = 0; k < 10; ++k) { // sd 2 and 20; constant; 1e4 +- 1
    auto const sign = k % 2 == 0 ? 1.0F : -1.0F;
    values.insert(values.end(), {3 + 2 * sign, 20 * sign, 0.1F, 1e4F + sign});
  }
  auto const scale = fod::find_scale(values, 10, 4, {1000, 10});
  CHECK(scale.shift == std::vector<double>{3, 0, static_cast<double>(0.1F), 1e4});
  CHECK(scale.scale[0] == Approx(0.5));
  CHECK(scale.scale[1] == Approx(0.05));
  CHECK(scale.scale[2] == Approx(0.5)); // the median of the others
  CHECK(scale.scale[3] == Approx(1));
  auto const flat = fod::find_scale(std::vector<float>(6, 2.5F), 3, 2, {3, 3});
  CHECK(flat.scale == std::vector<double>{1, 1});
  CHECK(flat.shift == std::vector<double>{2.5, 2.5});
}

TEST_CASE("moments of different layers are not added") {
  fod::Moments a;
  a.neurons = 2;
  a.scale = {{0, 0}, {1, 1}, 30, 10};
  auto b = a;
  b.scale.shift[1] = 1;
  CHECK_THROWS_WITH(a.add(b), Catch::Contains("scales differ"));
}
