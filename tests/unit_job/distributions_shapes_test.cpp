#include "distributions_support.hpp"

#include <catch2/catch.hpp>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

// Softmax at the numbers of classes around which the device takes another kernel, another number of
// lanes for a row, or rows that do not start at a border of 16 bytes.

using fod::ElementType;
using fod::OutputMode;
using job_support::random_values;
using job_support::Results;

namespace {

constexpr std::array classes_of_interest{
    1,    2,    3,     4,     5,     7,     8,     9,     10,    15,   16,   17,   31,
    32,   33,   63,    64,    65,    100,   127,   128,   129,   255,  256,  257,  511,
    512,  513,  1000,  1023,  1024,  1025,  2017,  2018,  2048,  4065, 4066, 4096, 8161,
    8162, 8192, 16353, 16354, 16384, 32768, 32769, 50000, 50145, 50146};

/// Several tiles of rows where rows are short, and a last one that is not full; the device's blocks
/// take some rows each in any case.
std::int64_t rows_for(std::int64_t classes) {
  return classes <= 64 ? 32 * 131 + 5 : classes <= 1024 ? 307 : classes <= 5000 ? 37 : 3;
}

struct Case {
  std::int64_t rows;
  std::int64_t classes;
  ElementType type = ElementType::float32;
  float inverse_temperature = 1;
  std::size_t skipped = 0; ///< values in memory before the first row

  [[nodiscard]] std::size_t values() const { return static_cast<std::size_t>(rows * classes); }
  [[nodiscard]] fod::EpilogueSpec spec() const {
    fod::EpilogueSpec spec{rows, classes, type, OutputMode::logits};
    spec.transforms.inverse_temperature = inverse_temperature;
    return spec;
  }
};

/// Two members with the same logits, whose rows lie at other distances from a border: with an odd
/// number of classes, so do the second one's. Checks that this changes no bit, and the logits.
template <class T>
Results run_twice(fod::Device const& device, std::vector<T> values, Case const& what) {
  values.insert(values.begin(), what.skipped, T(1.0F));
  fod::Epilogue epilogue(device, {what.rows + 1 + what.rows % 2, what.classes, {0.5, 0.5}, true});
  auto const input = job_support::on_device(device, values);
  auto const second = job_support::on_device(
      device,
      std::vector<T>(values.begin() + static_cast<std::ptrdiff_t>(what.skipped), values.end()));
  epilogue.add(0, input.template as<T>().data() + what.skipped, what.spec(), {});
  epilogue.add(1, second.data(), what.spec(), {});
  auto const got = epilogue.finish(what.rows, {});
  auto view = got.members;
  std::size_t changed = 0;
  for (std::size_t k = 0; k < what.values(); ++k) {
    auto const x = static_cast<float>(values[what.skipped + k]);
    changed += view.logits[k] == x || (std::isnan(x) && std::isnan(view.logits[k])) ? 0 : 1;
  }
  REQUIRE(changed == 0);
  auto first = job_support::results_of(view, what.rows, what.classes);
  view.distributions += got.member_rows * what.classes;
  view.entropy += got.member_rows;
  view.confidence += got.member_rows;
  view.prediction += got.member_rows;
  view.flags += got.member_rows;
  auto const other = job_support::results_of(view, what.rows, what.classes);
  auto const same = [](auto const& a, auto const& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0;
  };
  REQUIRE(same(first.distributions, other.distributions));
  REQUIRE(same(first.entropy, other.entropy));
  REQUIRE(same(first.confidence, other.confidence));
  REQUIRE(first.prediction == other.prediction);
  REQUIRE(first.flags == other.flags);
  return first;
}

/// Both within 2e-6 of the truth, or 1e-9 if nearly 0.
void check_same_probabilities(Results const& got, Results const& expected) {
  double worst = 0; // of what is allowed
  std::size_t unlike = 0;
  for (std::size_t k = 0; k < got.distributions.size(); ++k) {
    auto const p = static_cast<double>(expected.distributions[k]);
    auto const off = std::abs(static_cast<double>(got.distributions[k]) - p);
    worst = std::max(worst, off / (4e-6 * p + 1e-9));
    unlike += std::isnan(got.distributions[k]) == std::isnan(expected.distributions[k]) ? 0 : 1;
  }
  REQUIRE(unlike == 0);
  REQUIRE(worst < 1);
}

void check_no_row(Results const& got, std::size_t row) {
  REQUIRE(std::isnan(got.entropy[row]));
  REQUIRE(std::isnan(got.confidence[row]));
  REQUIRE(got.prediction[row] == -1);
}

/// Entropies within 1e-5. Where the two twins round differently, two classes that share a row's top
/// may change places.
void check_same(Results const& got, Results const& expected, std::int64_t classes) {
  REQUIRE(got.flags == expected.flags);
  check_same_probabilities(got, expected);
  for (std::size_t row = 0; row < got.flags.size(); ++row) {
    if (got.flags[row] != 0) {
      check_no_row(got, row);
      continue;
    }
    auto const entropy = static_cast<double>(expected.entropy[row]);
    REQUIRE(got.entropy[row] == Approx(entropy).epsilon(2e-5).margin(1e-6));
    auto const* p = got.distributions.data() + static_cast<std::int64_t>(row) * classes;
    auto const top = std::max_element(p, p + classes) - p; // the first of the largest
    REQUIRE(got.prediction[row] == top);
    REQUIRE(got.confidence[row] == p[top]);
    REQUIRE(p[expected.prediction[row]] == Approx(p[top]).epsilon(4e-6));
  }
}

/// Some logits masked, some rows not finite.
std::vector<float> hard_values(Case const& what) {
  auto values = random_values(what.values(), 5);
  for (std::size_t k = 0; k < values.size(); k += 7) {
    values[k] = -INFINITY;
  }
  auto const row = static_cast<std::size_t>(what.classes);
  auto const rows = static_cast<std::size_t>(what.rows);
  values[(rows / 2) * row + row / 2] = NAN;
  values[rows * row - 1] = INFINITY;
  return values;
}

template <class T>
void check_against_host(fod::Device const& device, Case const& what) {
  INFO(what.classes << " classes, skipped: " << what.skipped << ", type "
                    << fod::name_of(what.type));
  auto const wide = hard_values(what);
  std::vector<T> values(wide.size());
  std::transform(wide.begin(), wide.end(), values.begin(), [](float x) { return T(x); });
  auto const got = run_twice(device, values, what);
  check_same(got, job_support::run({}, values, what.spec()), what.classes);
}

} // namespace

TEST_CASE("the device's softmax is the host's, whatever kernel takes it and wherever rows start") {
  for (auto const& device : job_support::devices()) {
    for (std::int64_t const classes : classes_of_interest) {
      for (std::size_t const skipped : {0U, 1U, 2U, 3U}) {
        if (skipped == 0 || classes < 100 || device.is_cuda) {
          check_against_host<float>(device,
                                    {rows_for(classes), classes, ElementType::float32, 1, skipped});
        }
      }
    }
  }
}

TEST_CASE("the same of half-precision logits, and at a temperature") {
  for (auto const& device : job_support::devices()) {
    for (std::int64_t const classes : {2, 3, 10, 33, 100, 129, 513, 1000, 1025, 4097, 20001}) {
      for (std::size_t const skipped : {0U, 1U, 5U}) {
        auto const rows = rows_for(classes);
        check_against_host<__half>(device, {rows, classes, ElementType::float16, 1, skipped});
        check_against_host<__nv_bfloat16>(device,
                                          {rows, classes, ElementType::bfloat16, 1, skipped});
        check_against_host<float>(device, {rows, classes, ElementType::float32, 0.5F, skipped});
      }
    }
  }
}

TEST_CASE("a row's bits depend on that row alone") {
  for (auto const& device : job_support::devices()) {
    for (std::int64_t const classes : classes_of_interest) {
      INFO(classes << " classes");
      auto const rows = std::min<std::int64_t>(rows_for(classes), 97);
      auto const row = static_cast<std::ptrdiff_t>(classes);
      auto const x = random_values(static_cast<std::size_t>(rows * classes), 3);
      auto const all =
          job_support::run(device, x, {rows, classes, ElementType::float32, OutputMode::logits});
      std::vector<float> reversed;
      for (auto at = x.end() - row; at != x.begin(); at -= row) { // all but the first
        reversed.insert(reversed.end(), at, at + row);
      }
      auto const others = job_support::run(
          device, reversed, {rows - 1, classes, ElementType::float32, OutputMode::logits});
      for (std::int64_t r = 1; r < rows; ++r) {
        auto const here = static_cast<std::size_t>(r);
        auto const there = static_cast<std::size_t>(rows - 1 - r);
        REQUIRE(std::memcmp(all.distributions.data() + here * static_cast<std::size_t>(classes),
                            others.distributions.data() + there * static_cast<std::size_t>(classes),
                            static_cast<std::size_t>(classes) * sizeof(float)) == 0);
        REQUIRE(all.entropy[here] == others.entropy[there]);
        REQUIRE(all.confidence[here] == others.confidence[there]);
        REQUIRE(all.prediction[here] == others.prediction[there]);
      }
      std::vector<float> const alone(x.end() - row, x.end());
      auto const one =
          job_support::run(device, alone, {1, classes, ElementType::float32, OutputMode::logits});
      REQUIRE(std::equal(one.distributions.begin(), one.distributions.end(),
                         all.distributions.end() - row));
      REQUIRE(one.entropy[0] == all.entropy.back());
    }
  }
}

TEST_CASE("more classes than fit shared memory") {
  for (auto const& device : job_support::devices()) {
    check_against_host<float>(device, {3, 70001});
    check_against_host<__half>(device, {2, 130000, ElementType::float16});
  }
}
