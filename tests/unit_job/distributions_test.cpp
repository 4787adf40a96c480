#include "distributions_support.hpp"

#include <catch2/catch.hpp>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cuda_runtime.h>
#include <numeric>
#include <vector>

using fod::ElementType;
using fod::OutputMode;
using job_support::random_values;
using job_support::Results;
using job_support::run;

namespace {

constexpr std::array sizes{std::int64_t{0},  std::int64_t{1},  std::int64_t{31},
                           std::int64_t{32}, std::int64_t{33}, std::int64_t{1000}};

/// Softmax, entropy and the rest of one row in long double, by the textbook.
void check_softmax_row(Results const& got, std::size_t row, float const* x, std::size_t classes) {
  long double largest = x[0];
  for (std::size_t k = 1; k < classes; ++k) {
    largest = std::max<long double>(largest, x[k]);
  }
  long double sum = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    sum += std::exp(static_cast<long double>(x[k]) - largest);
  }
  long double entropy = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    auto const p = std::exp(static_cast<long double>(x[k]) - largest) / sum;
    entropy -= p > 0 ? p * std::log(p) : 0;
    REQUIRE(got.distributions[row * classes + k] ==
            Approx(static_cast<double>(p)).epsilon(2e-6).margin(1e-9));
  }
  REQUIRE(got.entropy[row] == Approx(static_cast<double>(entropy)).epsilon(1e-5).margin(1e-6));
  auto const predicted = static_cast<std::size_t>(got.prediction[row]);
  REQUIRE(x[predicted] == static_cast<float>(largest));
  REQUIRE(got.confidence[row] == got.distributions[row * classes + predicted]);
  REQUIRE(got.flags[row] == 0);
}

} // namespace

TEST_CASE("softmax agrees with long double, at every size of rows and classes") {
  for (auto const& device : job_support::devices()) {
    for (auto const rows : sizes) {
      for (auto const classes : sizes) {
        if (classes > 0) {
          auto const x = random_values(static_cast<std::size_t>(rows * classes), 5);
          auto const got =
              run(device, x, {rows, classes, ElementType::float32, OutputMode::logits});
          for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
            auto const k = static_cast<std::size_t>(classes);
            check_softmax_row(got, row, x.data() + row * k, k);
          }
        }
      }
    }
  }
}

TEST_CASE("softmax of large, masked and half-precision logits") {
  for (auto const& device : job_support::devices()) {
    auto const large = run<float>(device, {1e30F, 0, -1e30F, 88, 89, 90},
                                  {2, 3, ElementType::float32, OutputMode::logits});
    CHECK(large.distributions[0] == 1);
    CHECK(large.flags[0] == 0);
    auto const masked =
        run<float>(device, {-INFINITY, 0, 0}, {1, 3, ElementType::float32, OutputMode::logits});
    CHECK(masked.distributions == std::vector<float>{0, 0.5F, 0.5F});
    CHECK(masked.flags[0] == 0);
    CHECK(masked.prediction[0] == 1); // the lowest among equals
    std::vector<__half> const halves{__float2half(1), __float2half(2), __float2half(3)};
    auto const from_half = run(device, halves, {1, 3, ElementType::float16, OutputMode::logits});
    std::vector<float> const same{1, 2, 3};
    check_softmax_row(from_half, 0, same.data(), 3);
    std::vector<double> const wide{1, 2, 3};
    check_softmax_row(run(device, wide, {1, 3, ElementType::float64, OutputMode::logits}), 0,
                      same.data(), 3);
  }
}

TEST_CASE("rows that are not finite are flagged, their neighbours are not") {
  for (auto const& device : job_support::devices()) {
    std::vector<float> const x{1, 2, NAN, 1, INFINITY, 1, -INFINITY, -INFINITY, 3, 4};
    auto const got = run(device, x, {5, 2, ElementType::float32, OutputMode::logits});
    CHECK(got.flags == std::vector<std::uint8_t>{0, fod::row_nonfinite, fod::row_nonfinite,
                                                 fod::row_nonfinite, 0});
    CHECK(got.prediction[1] == -1);
    CHECK(std::isnan(got.entropy[1]));
    auto const probs = run(device, std::vector<float>{0.5F, 0.5F, NAN, 0, 0.5F, INFINITY},
                           {3, 2, ElementType::float32, OutputMode::probs, 1e-4F});
    CHECK(probs.flags == std::vector<std::uint8_t>{0, fod::row_nonfinite, fod::row_nonfinite});
  }
}

TEST_CASE("sigmoid gives [1-p, p]") {
  for (auto const& device : job_support::devices()) {
    std::vector<float> const x{0, 2, -2, 100, -100, NAN};
    auto const got = run(device, x, {6, 1, ElementType::float32, OutputMode::sigmoid});
    for (std::size_t i = 0; i < 5; ++i) {
      auto const p = 1 / (1 + std::exp(-static_cast<double>(x[i])));
      CHECK(got.distributions[2 * i + 1] == Approx(p).margin(1e-7));
      CHECK(got.distributions[2 * i] == Approx(1 - p).margin(1e-7));
    }
    CHECK(got.flags[4] == 0);
    CHECK(got.flags[5] == fod::row_nonfinite);
  }
}

TEST_CASE("probabilities stay as they are; what is none is flagged, by the type's tolerance") {
  for (auto const& device : job_support::devices()) {
    std::vector<float> const x{0.25F, 0.75F, 0.25F, 0.7502F, -0.001F, 1.001F, 0.25F, 0.75005F};
    auto const tolerance = fod::probability_tolerance(ElementType::float32);
    auto const got = run(device, x, {4, 2, ElementType::float32, OutputMode::probs, tolerance});
    CHECK(got.distributions == x);
    CHECK(got.flags ==
          std::vector<std::uint8_t>{0, fod::row_no_distribution, fod::row_no_distribution, 0});
    std::vector<__nv_bfloat16> const halves{__float2bfloat16(0.3F), __float2bfloat16(0.3F),
                                            __float2bfloat16(0.4F)};
    auto const rough = run(device, halves,
                           {1, 3, ElementType::bfloat16, OutputMode::probs,
                            fod::probability_tolerance(ElementType::bfloat16)});
    CHECK(rough.flags[0] == 0);
    double sum = 0;
    for (auto const p : rough.distributions) {
      sum += static_cast<double>(p);
    }
    CHECK(sum == Approx(1).margin(1e-6)); // divided by its sum in float32
  }
}

TEST_CASE("top-k keeps the lower class among equals, at every size") {
  for (auto const& device : job_support::devices()) {
    for (auto const classes : {2, 31, 32, 33, 70}) {
      for (auto const keep : {1, 2, 31, 32, 69, 100}) {
        // Half of the values are equal: which of them stay is decided by their place.
        std::vector<float> x(static_cast<std::size_t>(classes));
        for (std::size_t k = 0; k < x.size(); ++k) {
          x[k] = k % 2 == 0 ? 1.0F : 2.0F + static_cast<float>(k % 5);
        }
        fod::EpilogueSpec spec{1, classes, ElementType::float32, OutputMode::logits};
        spec.transforms.steps[0] = {fod::RowTransform::Kind::top_k, 0, keep};
        spec.transforms.size = 1;
        auto const got = run(device, x, spec);
        std::vector<std::size_t> order(x.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return x[a] > x[b]; });
        double sum = 0;
        for (std::size_t place = 0; place < order.size(); ++place) {
          auto const p = got.distributions[order[place]];
          REQUIRE((p > 0) == (place < static_cast<std::size_t>(keep)));
          sum += static_cast<double>(p);
        }
        CHECK(sum == Approx(1).margin(1e-6));
        CHECK(got.flags[0] == 0);
      }
    }
  }
}

TEST_CASE("a single probability per sample") {
  for (auto const& device : job_support::devices()) {
    std::vector<float> const x{0.25F, 1.0F, 0.0F, 1.5F, NAN, -0.5F};
    fod::EpilogueSpec const spec{6, 1, ElementType::float32, OutputMode::positive};
    auto const got = run(device, x, spec);
    CHECK(got.distributions[0] == 0.75F);
    CHECK(got.distributions[1] == 0.25F);
    CHECK(got.prediction[1] == 1);
    CHECK(got.confidence[2] == 1.0F);
    auto const bad = static_cast<std::uint8_t>(fod::row_no_distribution);
    auto const infinite = static_cast<std::uint8_t>(fod::row_nonfinite);
    CHECK(got.flags == std::vector<std::uint8_t>{0, 0, 0, bad, infinite, bad});
  }
}

TEST_CASE("probabilities of a half-precision forward are divided by their sum") {
  for (auto const& device : job_support::devices()) {
    fod::EpilogueSpec spec{1, 2, ElementType::float32, OutputMode::probs};
    spec.tolerance = fod::probability_tolerance(fod::Precision::bf16);
    auto const got = run(device, std::vector<float>{0.5F, 0.504F}, spec);
    CHECK(got.flags[0] == 0);
    CHECK(got.distributions[0] + got.distributions[1] == Approx(1).margin(1e-7));
  }
}

TEST_CASE("what rounding put outside of [0, 1] is moved to its border") {
  for (auto const& device : job_support::devices()) {
    fod::EpilogueSpec spec{1, 3, ElementType::float32, OutputMode::probs};
    spec.tolerance = fod::probability_tolerance(fod::Precision::bf16);
    auto const got = run(device, std::vector<float>{1.006F, -0.006F, 0.0F}, spec);
    CHECK(got.flags[0] == 0);
    CHECK(got.distributions == std::vector<float>{1, 0, 0});
    CHECK(got.entropy[0] == 0);
    spec = {1, 1, ElementType::float32, OutputMode::positive, spec.tolerance};
    CHECK(run(device, std::vector<float>{1.0078F}, spec).distributions == std::vector<float>{0, 1});
  }
}
