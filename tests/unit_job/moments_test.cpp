#include "fod/error.hpp"
#include "moments_support.hpp"

#include <catch2/catch.hpp>

#include <numeric>

#include "fod/comm.hpp"
#include "kernels/product.hpp"

using namespace moments_support; // NOLINT(google-build-using-namespace): written for this file

namespace {

/// Correlations of all, of even and of odd blocks against the definition.
void check(Samples const& samples, fod::BlockGrid const& grid, double tolerance = 1e-6) {
  for (auto const& device : job_support::devices()) {
    auto const moments = moments_of(samples, grid, {device, 2});
    CHECK(largest_difference(fod::statistics_of(moments, 2).correlation,
                             correlations(samples, grid)) < tolerance);
    for (int parity = 0; parity < 2; ++parity) {
      auto const& half = moments.halves[static_cast<std::size_t>(parity)];
      if (half.count > 2) {
        CHECK(largest_difference(fod::statistics_of(half, moments.scale).correlation,
                                 correlations(samples, grid, parity)) < tolerance);
      }
    }
  }
}

} // namespace

TEST_CASE("correlations of blocks of every size are those of float64") {
  for (auto const neurons : std::vector<std::int64_t>{1, 2, 31, 32, 33, 48, 49, 96, 97, 150}) {
    check(correlated(1000, neurons), {1000, 64});
  }
  check(correlated(5, 3), {5, 1});  // blocks of one sample
  check(correlated(3, 4), {3, 64}); // the least there may be
  check(correlated(1030, 60), {1030, 79});
  check(correlated(9000, 60), {9000, 4096}); // several chunks, and an uneven end
  check(correlated(700, 60), {700, 600});
}

TEST_CASE("a mean of 1e4 and a standard deviation of 1") {
  check(correlated(20000, 40, [](double x, auto, auto) { return 1e4 + x; }), {20000, 64});
  check(correlated(9000, 40, [](double x, auto, auto) { return x - 1e4; }), {9000, 4096});
}

TEST_CASE("sorted data: block 0 is not typical at all") {
  // Constant there, later of another mean and a scale a thousand times as large.
  auto const sorted = [](double x, std::int64_t k, std::int64_t j) {
    if (k < 512) {
      return j % 3 == 0 ? 0.25 : 1e-3 * x;
    }
    return j % 2 == 0 ? 1000 + 10 * x : static_cast<double>(k) / 100 - x;
  };
  check(correlated(8000, 40, sorted), {8000, 512});
  check(correlated(3000, 40, sorted), {3000, 64});
}

TEST_CASE("tiny variance") {
  check(correlated(4000, 30, [](double x, auto, auto) { return 1 + 1e-5 * x; }), {4000, 64});
}

TEST_CASE("outliers of a million standard deviations") {
  check(correlated(6000, 30,
                   [](double x, std::int64_t k, std::int64_t j) {
                     return k % 2000 == 1700 && j % 7 == 0 ? 1e6 : x;
                   }),
        {6000, 64});
}

TEST_CASE("dead neurons are told apart, and opposite ones correlate by -1") {
  auto const samples = correlated(3000, 10, [](double x, std::int64_t k, std::int64_t j) {
    return j == 2 ? 0 : j == 5 ? 0.1 : j == 7 ? (k < 2990 ? 0 : 1) : x;
  });
  auto with_opposite = samples;
  for (std::int64_t k = 0; k < samples.count(); ++k) {
    with_opposite.values[static_cast<std::size_t>(k * 10 + 1)] = -samples.at(k, 0);
  }
  check(with_opposite, {3000, 64});
  for (auto const& device : job_support::devices()) {
    auto const moments = moments_of(with_opposite, {3000, 64}, {device});
    CHECK(fod::dead_neurons(moments) == std::vector<std::int64_t>{2, 5});
    auto const all = fod::statistics_of(moments);
    CHECK(all.correlation[1] < -1 + 1e-6);
    CHECK(all.correlation[1] >= -1);
    CHECK(all.deviation[5] == 0);
    CHECK(all.mean[5] == Approx(0.1).epsilon(1e-6));
    CHECK(moments.smallest[7] == 0);
    CHECK(moments.largest[7] == 1);
    CHECK(moments.smallest[2] == moments.largest[2]);
  }
}

TEST_CASE("mean and deviation against two passes") {
  auto const samples = correlated(2000, 5, [](double x, auto, std::int64_t j) {
    return static_cast<double>(j) * 100 + x * std::pow(10.0, static_cast<double>(j) - 2);
  });
  for (auto const& device : job_support::devices()) {
    auto const all = fod::statistics_of(moments_of(samples, {2000, 64}, {device}));
    for (std::int64_t j = 0; j < 5; ++j) {
      long double sum = 0;
      for (std::int64_t k = 0; k < 2000; ++k) {
        sum += static_cast<long double>(samples.at(k, j)) / 2000;
      }
      long double squares = 0;
      for (std::int64_t k = 0; k < 2000; ++k) {
        auto const x = static_cast<long double>(samples.at(k, j)) - sum;
        squares += x * x / 2000;
      }
      auto const at = static_cast<std::size_t>(j);
      auto const deviation = static_cast<double>(std::sqrt(squares));
      CHECK(std::abs(all.mean[at] - static_cast<double>(sum)) < 1e-9 * deviation);
      CHECK(all.deviation[at] == Approx(deviation).epsilon(1e-7));
    }
  }
}

TEST_CASE("rows that are left out, appended columns and sums per class") {
  constexpr std::int64_t classes = 3;
  auto samples = correlated(1500, 50);
  samples.appended = 3;
  for (std::int64_t k = 0; k < samples.count(); ++k) {
    samples.counts.push_back(k % 11 == 3 || (k >= 320 && k < 640) ? 0 : 1); // one whole block too
    samples.classes.push_back(static_cast<std::int32_t>(k % 5) - 1);        // -1: none
    for (std::int64_t a = 0; a < samples.appended; ++a) {
      samples.facts.push_back(samples.at(k, a) * 0.5F + static_cast<float>(k % (a + 2)));
    }
  }
  for (auto& own : samples.classes) {
    own = std::min(own, static_cast<std::int32_t>(classes) - 1);
  }
  fod::BlockGrid const grid(1500, 64);
  for (auto const& device : job_support::devices()) {
    auto const moments = moments_of(samples, grid, {device, 2, classes});
    CHECK(largest_difference(fod::statistics_of(moments).correlation, correlations(samples, grid)) <
          1e-6);
    std::vector<std::int64_t> counts(classes);
    std::vector<double> sums(static_cast<std::size_t>(classes * samples.neurons));
    for (std::int64_t k = 0; k < samples.count(); ++k) {
      auto const own = samples.classes[static_cast<std::size_t>(k)];
      for (std::int64_t j = 0; samples.counted(k) && own >= 0 && j < samples.neurons; ++j) {
        auto const at = static_cast<std::size_t>(j);
        auto const x = (static_cast<double>(samples.at(k, j)) - moments.scale.shift[at]) *
                       moments.scale.scale[at];
        sums[static_cast<std::size_t>(own * samples.neurons + j)] += x;
        counts[static_cast<std::size_t>(own)] += j == 0 ? 1 : 0;
      }
    }
    CHECK(moments.class_counts == counts);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      REQUIRE(std::ldexp(static_cast<double>(moments.class_sums[i]), -moments.scale.class_bits) ==
              Approx(sums[i]).margin(1e-5));
    }
    CHECK(std::count(moments.class_missing.begin(), moments.class_missing.end(), 0) == 50);
  }
}

TEST_CASE("the bytes do not depend on threads, order of blocks, ranks or neighbours") {
  for (auto const& device : job_support::devices()) {
    for (auto const& [count, batch] : std::vector<std::pair<std::int64_t, std::int64_t>>{
             {1500, 64}, {1500, 1}, {5000, 900}, {9000, 4096}}) {
      auto samples = correlated(count, 110, [half = count / 2](double x, std::int64_t k, auto j) {
        return k >= half && j % 5 == 0 ? 1e6 * x : x; // takes the second limb
      });
      for (std::int64_t k = 0; k < count; ++k) {
        samples.classes.push_back(static_cast<std::int32_t>(k % 4));
      }
      fod::BlockGrid const grid(count, batch);
      auto const expected = moments_of(samples, grid, {device, 1, 4});
      REQUIRE(!expected.halves[0].products.high.empty());
      for (int threads = 2; threads <= 3; ++threads) {
        CHECK((moments_of(samples, grid, {device, threads, 4}) == expected));
      }
      std::vector<std::int64_t> blocks(static_cast<std::size_t>(grid.block_count()));
      std::iota(blocks.begin(), blocks.end(), 0);
      std::shuffle(blocks.begin(), blocks.end(), std::mt19937(1));
      CHECK((moments_of(samples, grid, {device, 2, 4, blocks}) == expected));
      // Three ranks, of which the first needs one limb only.
      std::vector<fod::Moments> parts;
      for (std::int64_t rank = 0; rank < 3; ++rank) {
        auto const own = fod::shard_of({0, grid.block_count()}, 3, rank);
        Way way{device, 1, 4};
        for (auto block = own.begin; block < own.end; ++block) {
          way.blocks.push_back(block);
        }
        if (!own.empty()) {
          parts.push_back(moments_of(samples, grid, way));
        }
      }
      auto backward = parts.back();
      for (auto i = std::ssize(parts) - 2; i >= 0; --i) {
        backward.add(parts[static_cast<std::size_t>(i)]);
      }
      CHECK((backward == expected));
    }
  }
}

TEST_CASE("values beyond the room of sums per class mark the neuron, whoever saw them") {
  auto samples = correlated(1000, 6, [](double x, std::int64_t k, std::int64_t j) {
    return j == 4 && k == 700 ? 4e6 : x;
  });
  samples.classes.assign(1000, 1);
  fod::BlockGrid const grid(1000, 64);
  for (auto const& device : job_support::devices()) {
    auto const moments = moments_of(samples, grid, {device, 1, 2});
    CHECK(moments.class_missing == std::vector<std::uint8_t>{0, 0, 0, 0, 1, 0});
    CHECK(moments.class_sums[6 + 4] == 0);
    CHECK(moments.class_sums[6 + 3] != 0);
  }
}

TEST_CASE("what no limb holds is refused by name") {
  fod::BlockGrid const grid(300, 100);
  for (auto const& device : job_support::devices()) {
    auto const message_of = [&](double value) {
      auto const samples = correlated(300, 6, [&](double x, std::int64_t k, std::int64_t j) {
        return j == 4 && k == 250 ? value : x;
      });
      try {
        static_cast<void>(moments_of(samples, grid, {device}));
      } catch (fod::Error const& error) {
        CHECK(error.code() == fod::ExitCode::failed);
        return std::string(error.what());
      }
      return std::string();
    };
    CHECK(message_of(1e6).empty());
    auto const far = message_of(1e12);
    CHECK(far.find("neuron 4") != std::string::npos);
    CHECK(far.find("in block 2 they are more than") != std::string::npos);
    CHECK(far.find("times as large as in block 0") != std::string::npos);
    CHECK(message_of(1e30).find("times as large") != std::string::npos);
    for (auto const value : {static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
      auto const message = message_of(value);
      CHECK(message.find("neuron 4") != std::string::npos);
      CHECK(message.find("NaN") != std::string::npos);
    }
  }
}

TEST_CASE("more blocks than the sums have room for are refused at once") {
  CHECK_THROWS_WITH(
      fod::MomentAccumulator({}, {2, 0, 0, 64, 5'000'000}, {{0, 0}, {1, 1}, 20, 10}, 1),
      Catch::Contains("over 5000000 blocks"));
}

TEST_CASE("a block whose rows were all left out is none") {
  for (auto const& device : job_support::devices()) {
    auto samples = correlated(30, 4);
    samples.counts.assign(30, 0);
    auto const moments = moments_of(samples, {30, 10}, {device});
    CHECK(moments.count() == 0);
    CHECK(moments.halves[0].blocks == 0);
    CHECK(fod::dead_neurons(moments) == std::vector<std::int64_t>{0, 1, 2, 3});
  }
}

TEST_CASE("memory grows with the layer, never with the samples") {
  for (bool const on_device : {false, true}) {
    auto const memory = [&](std::int64_t count, std::int64_t neurons) {
      fod::BlockGrid const grid(count, 64);
      return fod::MomentAccumulator::memory({neurons, 3, 10, grid.block_size(), grid.block_count()},
                                            on_device, 2);
    };
    auto const large = memory(2'000'000, 4096);
    CHECK(large.limb == fod::triangle_size(4099) * 16);
    CHECK((on_device ? large.device : large.host) > large.limb);
    CHECK(memory(20'000'000, 4096).host == large.host);
    CHECK(memory(20'000'000, 4096).device == large.device);
  }
}

TEST_CASE("a job of one rank reduces to what it had") {
  auto const samples = correlated(500, 7);
  fod::BlockGrid const grid(500, 64);
  for (auto const& device : job_support::devices()) {
    fod::MomentAccumulator sums(device, shape_of(samples, grid, 0), scale_of(samples, grid), 2);
    feed(sums, samples, grid.samples_of(0), 64);
    sums.end_block(0, {});
    feed(sums, samples, grid.samples_of(1), 64);
    sums.end_block(1, {});
    sums.reduce(fod::Comm::alone(), nullptr, {});
    CHECK((sums.take({}) == moments_of(samples, grid, {device, 1, 0, {0, 1}})));
  }
}

TEST_CASE("every instruction set gives the product") {
  using fod::product::panel;
  std::mt19937 generator(2);
  std::normal_distribution<float> normal;
  constexpr std::int64_t rows = 300;
  std::vector<float> a(static_cast<std::size_t>((rows + 8) * panel));
  std::vector<float> b(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = normal(generator);
    b[i] = normal(generator);
  }
  for (auto const* kernels : fod::product::available()) {
    INFO(kernels->name);
    for (std::int64_t columns = 1; columns <= panel; ++columns) {
      for (bool const diagonal : {false, true}) {
        std::vector<float> c(static_cast<std::size_t>(panel * panel), 1e9F);
        auto const& right = diagonal ? a : b;
        kernels->multiply(a.data(), right.data(), 200, columns, diagonal, false, c.data());
        kernels->multiply(a.data() + 200 * panel, right.data() + 200 * panel, 100, columns,
                          diagonal, true, c.data());
        double largest = 0; // of the error, in terms of its bound: n u sum |a b|
        for (std::int64_t i = 0; i < panel; ++i) {
          for (std::int64_t j = diagonal ? i : 0; j < columns; ++j) {
            double sum = 0;
            double magnitude = 0;
            for (std::int64_t k = 0; k < rows; ++k) {
              auto const product =
                  static_cast<double>(a[static_cast<std::size_t>(k * panel + i)]) *
                  static_cast<double>(right[static_cast<std::size_t>(k * panel + j)]);
              sum += product;
              magnitude += std::abs(product);
            }
            auto const got = static_cast<double>(c[static_cast<std::size_t>(i * panel + j)]);
            largest = std::max(largest, std::abs(sum - got) / (rows * 0x1p-24 * magnitude));
          }
        }
        REQUIRE(largest < 1);
      }
    }
  }
}
