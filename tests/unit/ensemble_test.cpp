#include "fod/ensemble.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace {

/// Rows and what is said of them, in memory of their own.
template <class Real>
struct Memory {
  Memory(std::size_t rows, std::size_t classes)
      : distributions(rows * classes), entropy(rows), confidence(rows), prediction(rows),
        flags(rows) {}
  fod::RowsView<Real> view() {
    return {distributions.data(), entropy.data(), confidence.data(),
            prediction.data(),    flags.data(),   nullptr};
  }
  std::vector<Real> distributions;
  std::vector<float> entropy;
  std::vector<float> confidence;
  std::vector<std::int32_t> prediction;
  std::vector<std::uint8_t> flags;
};

long double entropy_of(std::vector<long double> const& p) {
  long double sum = 0;
  for (auto const value : p) {
    sum -= value > 0 ? value * std::log(value) : 0;
  }
  return sum;
}

} // namespace

TEMPLATE_TEST_CASE("rows describe themselves", "[ensemble]", float, double) {
  Memory<TestType> rows(4, 4);
  rows.distributions = {0.25, 0.25, 0.25, 0.25, 0, 1, 0, 0, 0.5, 0, 0.5, 0, NAN, 0, 0, 1};
  rows.flags[3] = fod::row_nonfinite;
  fod::host::describe(4, 4, rows.view());
  CHECK(rows.entropy[0] == Approx(std::log(4.0)).margin(1e-6));
  CHECK(rows.entropy[1] == 0.0F);
  CHECK(rows.entropy[2] == Approx(std::log(2.0)).margin(1e-6));
  CHECK(rows.prediction == std::vector<std::int32_t>{0, 1, 0, -1}); // the lowest among equals
  CHECK(rows.confidence[0] == 0.25F);
  CHECK(rows.confidence[2] == 0.5F);
  CHECK(std::isnan(rows.entropy[3]));
  CHECK(std::isnan(rows.confidence[3]));
}

TEMPLATE_TEST_CASE("members become one", "[ensemble]", float, double) {
  constexpr std::size_t rows = 37;
  constexpr std::size_t classes = 5;
  constexpr std::size_t members = 3;
  constexpr std::size_t member_rows = 40; // there is room for more
  std::vector<double> const weights{0.5, 0.3, 0.2};
  Memory<TestType> all(members * member_rows, classes);
  std::mt19937 generator(5);
  std::gamma_distribution<double> gamma(0.7);
  for (std::size_t row = 0; row < members * member_rows; ++row) {
    auto* p = all.distributions.data() + row * classes;
    double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      p[k] = static_cast<TestType>(gamma(generator) + 1e-6);
      sum += static_cast<double>(p[k]);
    }
    std::transform(p, p + classes, p,
                   [&](TestType value) { return static_cast<TestType>(value / sum); });
  }
  fod::host::describe(members * member_rows, classes, all.view());
  Memory<TestType> mean(rows, classes);
  std::vector<float> aleatoric(rows);
  std::vector<float> epistemic(rows);
  std::vector<float> disagreement(rows);
  fod::host::ensemble<TestType>(
      all.view(), {rows, classes, members, member_rows, weights.data()},
      {mean.view(), aleatoric.data(), epistemic.data(), disagreement.data()});
  double const digits = sizeof(TestType) == sizeof(float) ? 1e-7 : 1e-15;
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<long double> expected(classes);
    long double inner = 0;
    for (std::size_t m = 0; m < members; ++m) {
      auto const* p = all.distributions.data() + (m * member_rows + row) * classes;
      std::vector<long double> const own(p, p + classes);
      inner += weights[m] * entropy_of(own);
      for (std::size_t k = 0; k < classes; ++k) {
        expected[k] += weights[m] * own[k];
      }
    }
    auto const top = std::max_element(expected.begin(), expected.end()) - expected.begin();
    long double other = 0;
    for (std::size_t m = 0; m < members; ++m) {
      auto const* p = all.distributions.data() + (m * member_rows + row) * classes;
      other += std::max_element(p, p + classes) - p == top ? 0.0L : weights[m];
    }
    for (std::size_t k = 0; k < classes; ++k) {
      CHECK(static_cast<double>(mean.distributions[row * classes + k]) ==
            Approx(static_cast<double>(expected[k])).margin(digits).epsilon(0));
    }
    auto const total = entropy_of(expected);
    CHECK(mean.prediction[row] == top);
    CHECK(mean.entropy[row] == Approx(static_cast<double>(total)).margin(1e-6));
    CHECK(aleatoric[row] == Approx(static_cast<double>(inner)).margin(1e-6));
    CHECK(epistemic[row] == Approx(static_cast<double>(total - inner)).margin(1e-6));
    CHECK(disagreement[row] == Approx(static_cast<double>(other)).margin(1e-6));
  }
}
