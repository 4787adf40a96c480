#include <cuda_runtime.h> // the words that row.cuh is written with

#include "fod/kernels.hpp"
#include "kernels/row.cuh"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

// The vectorised epilogue of the host, against the plain one that the device has too.

namespace {

struct Rows {
  Rows(std::int64_t rows, std::int64_t classes)
      : distributions(static_cast<std::size_t>(rows * classes)), logits(distributions.size()),
        entropy(static_cast<std::size_t>(rows)), confidence(entropy.size()),
        prediction(entropy.size()), flags(entropy.size()) {}
  fod::EpilogueView view() {
    return {distributions.data(), entropy.data(), confidence.data(),
            prediction.data(),    flags.data(),   logits.data()};
  }
  std::vector<float> distributions;
  std::vector<float> logits;
  std::vector<float> entropy;
  std::vector<float> confidence;
  std::vector<std::int32_t> prediction;
  std::vector<std::uint8_t> flags;
};

bool near(float a, float b, float relative, float absolute) {
  return a == b || (std::isnan(a) && std::isnan(b)) ||
         std::abs(a - b) <= std::max(relative * std::abs(b), absolute);
}

template <class T>
void compare(std::vector<T> const& x, fod::EpilogueSpec const& spec) {
  auto const classes = spec.classes();
  Rows got(spec.rows, classes);
  Rows plain(spec.rows, classes);
  fod::host::distributions(x.data(), spec, got.view());
  for (std::int64_t row = 0; row < spec.rows; ++row) {
    fod::row::run(x.data(), spec, row, plain.view(), fod::row::Alone());
  }
  CHECK(got.flags == plain.flags);
  constexpr float ulp = 0x1p-23F;
  std::size_t apart = 0; // counted, as a million assertions take their time
  for (std::size_t i = 0; i < got.distributions.size(); ++i) {
    // Below float32's normal numbers it is their spacing that counts.
    apart += near(got.distributions[i], plain.distributions[i], 3 * ulp, 0x1p-148F) ? 0 : 1;
    apart += near(got.logits[i], plain.logits[i], 0, 0) ? 0 : 1;
  }
  REQUIRE(apart == 0);
  for (std::size_t row = 0; row < got.flags.size(); ++row) {
    // Where p is near 1, its last digit is all that the entropy has.
    REQUIRE(near(got.entropy[row], plain.entropy[row], 4 * ulp, 2 * ulp));
    REQUIRE(near(got.confidence[row], plain.confidence[row], 3 * ulp, 0));
    if (got.prediction[row] != plain.prediction[row]) { // so near that rounding decides
      auto const* p = got.distributions.data() + row * static_cast<std::size_t>(classes);
      REQUIRE(near(p[got.prediction[row]], p[plain.prediction[row]], ulp, 0));
    }
  }
}

std::vector<float> logits_with_oddities(std::int64_t rows, std::int64_t classes, float scale) {
  std::mt19937 generator(static_cast<unsigned>(rows + classes));
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> x(static_cast<std::size_t>(rows * classes));
  std::generate(x.begin(), x.end(), [&] { return normal(generator); });
  for (std::size_t i = 0; i < x.size(); i += 7) {
    x[i] = std::round(x[i]);
  }
  for (std::size_t i = 0; i < x.size(); i += 101) {
    x[i] = -INFINITY;
  }
  for (std::size_t i = 50; i < x.size(); i += 1009) {
    x[i] = i % 2 == 0 ? NAN : INFINITY;
  }
  return x;
}

template <class T>
std::vector<T> as(std::vector<float> const& from) {
  std::vector<T> to;
  std::transform(from.begin(), from.end(), std::back_inserter(to),
                 [](float value) { return static_cast<T>(value); });
  return to;
}

} // namespace

TEST_CASE("the host's vectorised softmax does what the plain one does") {
  using fod::ElementType;
  for (std::int64_t const classes : {1, 2, 3, 10, 16, 17, 64, 65, 100, 128, 1000, 1025, 20000}) {
    for (std::int64_t const rows : {0, 1, 15, 16, 17, 70}) {
      for (float const scale : {1.0F, 5.0F, 40.0F}) {
        auto const x = logits_with_oddities(rows, classes, scale);
        fod::EpilogueSpec spec{rows, classes, ElementType::float32, fod::OutputMode::logits};
        compare(x, spec);
        spec.transforms.inverse_temperature = 0.4F;
        compare(x, spec);
        spec.type = ElementType::float64;
        compare(as<double>(x), spec);
        spec.type = ElementType::float16;
        compare(as<__half>(x), spec);
        spec.type = ElementType::bfloat16;
        compare(as<__nv_bfloat16>(x), spec);
        spec.type = ElementType::float32;
        spec.transforms.size = 1;
        spec.transforms.steps[0] = {fod::RowTransform::Kind::smooth, 0.1F, 0};
        compare(x, spec);
      }
    }
  }
}

TEST_CASE("the host's vectorised check of probabilities does what the plain one does") {
  using fod::ElementType;
  for (std::int64_t const classes : {1, 2, 3, 10, 16, 17, 64, 65, 100, 128, 1000, 1025}) {
    constexpr std::int64_t rows = 40;
    Rows made(rows, classes);
    auto x = logits_with_oddities(rows, classes, 3);
    fod::host::distributions(x.data(), {rows, classes}, made.view());
    x = made.distributions;
    for (std::size_t i = 11; i < x.size(); i += 83) {
      x[i] = i % 3 == 0 ? -x[i] : x[i] + 0.01F;
    }
    for (auto const tolerance : {1e-4F, 1e-3F, 1e-2F}) {
      fod::EpilogueSpec spec{rows, classes, ElementType::float32, fod::OutputMode::probs,
                             tolerance};
      compare(x, spec);
      spec.type = ElementType::float64;
      compare(as<double>(x), spec);
      spec.type = ElementType::bfloat16;
      compare(as<__nv_bfloat16>(x), spec);
    }
  }
}
