#include "fod/comm.hpp"
#include "fod/moments.hpp"

#include <catch2/catch.hpp>

#include <random>

using fod::Comm;

namespace {

bool everywhere(Comm const& comm, bool verdict) {
  return comm.all_min(verdict ? 1 : 0) > 0.5;
}

constexpr int parts = 6;

/// Moments of one part of the samples; `scale_of_sums` decides how many limbs they take.
fod::Moments part(int index, double scale_of_sums) {
  std::mt19937 generator(static_cast<unsigned>(index));
  std::normal_distribution<double> normal(0, scale_of_sums);
  fod::Moments moments;
  moments.neurons = 3;
  moments.classes = 2;
  moments.scale = {{0, 0, 0}, {1, 1, 1}, 20, 10};
  for (auto& half : moments.halves) {
    half.count = index + 1;
    half.blocks = 1;
    half.sums.low.resize(3);
    half.products.low.resize(6);
    for (std::size_t i = 0; i < 6; ++i) {
      // Only some parts are beyond one limb; none beyond 2^102.
      half.products.add(i, std::nearbyint(normal(generator) * (index == 1 ? 1e9 : 1)),
                        static_cast<double>(fod::limb_room) / parts);
      half.sums.add(i % 3, std::nearbyint(normal(generator)),
                    static_cast<double>(fod::limb_room) / parts);
    }
  }
  moments.smallest = {static_cast<float>(-index), 0.0F, 5};
  moments.largest = {static_cast<float>(index), -0.0F, 6};
  moments.class_counts = {index, 1};
  moments.class_sums = {index, 2, 3, 4, 5, 6};
  moments.class_missing = {0, static_cast<std::uint8_t>(index == 2 ? 1 : 0), 0};
  return moments;
}

} // namespace

TEST_CASE("moments over ranks are those of one rank, byte for byte") {
  auto const comm = Comm::world();
  for (auto const scale : {1e6, 5e16, 1e17, 1e20}) {
    auto expected = part(0, scale);
    for (int index = 1; index < parts; ++index) {
      expected.add(part(index, scale));
    }
    expected.canonicalise();
    for (bool const reversed : {false, true}) {
      auto own = part(reversed ? parts - 1 - comm.rank() : comm.rank(), scale);
      for (int index = comm.rank() + comm.size(); index < parts; index += comm.size()) {
        own.add(part(reversed ? parts - 1 - index : index, scale));
      }
      fod::reduce(own, comm);
      CHECK(everywhere(comm, own == expected));
      CHECK(everywhere(comm, own.class_sums[1] == 0)); // marked by one part
    }
  }
}

TEST_CASE("limbs that overflow only together become two") {
  auto const comm = Comm::world();
  fod::FixedSums sums;
  sums.low = {fod::limb_room - 1, -1, 1 - fod::limb_room};
  fod::reduce(sums, comm);
  auto const ranks = static_cast<long double>(comm.size());
  bool right = true;
  for (auto const& [at, value] : {std::pair<std::size_t, std::int64_t>(0, fod::limb_room - 1),
                                  {1, -1},
                                  {2, 1 - fod::limb_room}}) {
    right = right && sums.value(at, 0) == ranks * static_cast<long double>(value);
  }
  CHECK(everywhere(comm, right));
}

TEST_CASE("largest values over ranks") {
  auto const comm = Comm::world();
  auto const rank = static_cast<float>(comm.rank());
  std::vector<float> values{rank, -rank, 7};
  comm.all_max(values);
  CHECK(everywhere(comm, values == std::vector<float>{static_cast<float>(comm.size() - 1), 0, 7}));
}

TEST_CASE("a sum over ranks of more numbers than one message holds") {
  auto const comm = Comm::world();
  std::vector<std::uint64_t> values((std::size_t{1} << 24) + 5, 2);
  values.back() = 9;
  comm.all_sum(values);
  auto const size = static_cast<std::uint64_t>(comm.size());
  bool const right = values.back() == 9 * size &&
                     std::count(values.begin(), values.end(), 2 * size) == std::ssize(values) - 1;
  CHECK(everywhere(comm, right));
}
