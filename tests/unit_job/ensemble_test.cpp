#include "fod/epilogue.hpp"
#include "job_support.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

using fod::ElementType;
using fod::OutputMode;

namespace {

/// Logits of every member, random.
std::vector<std::vector<float>> random_members(std::size_t members, std::size_t values) {
  std::mt19937 generator(11);
  std::normal_distribution<float> normal(0, 2);
  std::vector<std::vector<float>> all(members, std::vector<float>(values));
  for (auto& member : all) {
    for (auto& value : member) {
      value = normal(generator);
    }
  }
  return all;
}

/// What the definitions say of one row, in long double.
struct Expected {
  std::vector<long double> mean;
  long double total = 0;
  long double aleatoric = 0;
  long double disagreement = 0;
};

long double entropy_of(std::vector<long double> const& p) {
  return -std::accumulate(p.begin(), p.end(), 0.0L, [](long double sum, long double value) {
    return value > 0 ? sum + value * std::log(value) : sum;
  });
}

std::size_t largest_of(std::vector<long double> const& p) {
  return static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
}

Expected expect(std::vector<std::vector<float>> const& members, std::vector<double> const& weights,
                std::size_t row, std::size_t classes) {
  Expected expected;
  expected.mean.resize(classes);
  std::vector<std::size_t> votes;
  for (std::size_t m = 0; m < members.size(); ++m) {
    std::vector<long double> p(classes);
    long double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      p[k] = std::exp(static_cast<long double>(members[m][row * classes + k]));
      sum += p[k];
    }
    for (std::size_t k = 0; k < classes; ++k) {
      p[k] /= sum;
      expected.mean[k] += static_cast<long double>(weights[m]) * p[k];
    }
    votes.push_back(largest_of(p));
    expected.aleatoric += static_cast<long double>(weights[m]) * entropy_of(p);
  }
  expected.total = entropy_of(expected.mean);
  for (std::size_t m = 0; m < members.size(); ++m) {
    expected.disagreement +=
        votes[m] == largest_of(expected.mean) ? 0 : static_cast<long double>(weights[m]);
  }
  return expected;
}

/// Runs an epilogue over all members.
fod::BatchResults run(fod::Epilogue& epilogue, fod::Device const& device,
                      std::vector<std::vector<float>> const& members, fod::EpilogueSpec const& spec,
                      std::vector<fod::Buffer>& inputs) {
  for (std::size_t m = 0; m < members.size(); ++m) {
    inputs.push_back(job_support::on_device(device, members[m]));
    epilogue.add(static_cast<std::int64_t>(m), inputs.back().data(), spec, {});
  }
  return epilogue.finish(spec.rows, {});
}

/// Squares and divides by the sum, as a step of a user's own.
class Sharpen : public fod::HostTransform {
public:
  void apply(float* rows, std::int64_t count, std::int64_t classes) override {
    for (std::int64_t r = 0; r < count; ++r) {
      auto* p = rows + r * classes;
      float sum = 0;
      for (std::int64_t k = 0; k < classes; ++k) {
        p[k] *= p[k];
        sum += p[k];
      }
      for (std::int64_t k = 0; k < classes; ++k) {
        p[k] /= sum;
      }
    }
  }
};

} // namespace

TEST_CASE("an ensemble's mean and its entropy taken apart") {
  for (auto const& device : job_support::devices()) {
    for (auto const classes : std::vector<std::int64_t>{2, 31, 32, 33, 100}) {
      for (auto const rows : std::vector<std::int64_t>{0, 1, 31, 33, 200}) {
        std::vector<double> const weights{0.5, 0.25, 0.125, 0.125};
        auto const members =
            random_members(weights.size(), static_cast<std::size_t>(rows * classes));
        fod::EpilogueSpec const spec{rows, classes, ElementType::float32, OutputMode::logits};
        fod::Epilogue epilogue(device, {rows + 2, classes, weights, true});
        std::vector<fod::Buffer> inputs;
        auto const got = run(epilogue, device, members, spec, inputs);
        for (std::int64_t row = 0; row < rows; ++row) {
          auto const expected = expect(members, weights, static_cast<std::size_t>(row),
                                       static_cast<std::size_t>(classes));
          for (std::int64_t k = 0; k < classes; ++k) {
            auto const p = static_cast<double>(got.joined.mean.distributions[row * classes + k]);
            REQUIRE(std::abs(p - static_cast<double>(expected.mean[static_cast<std::size_t>(k)])) <
                    1e-6);
            REQUIRE(got.members.logits[(got.member_rows + row) * classes + k] ==
                    members[1][static_cast<std::size_t>(row * classes + k)]);
          }
          auto const near = [&](float value, long double exact) {
            return std::abs(static_cast<double>(value) - static_cast<double>(exact)) < 1e-6;
          };
          REQUIRE(near(got.joined.mean.entropy[row], expected.total));
          REQUIRE(near(got.joined.aleatoric[row], expected.aleatoric));
          REQUIRE(near(got.joined.epistemic[row], expected.total - expected.aleatoric));
          REQUIRE(near(got.joined.disagreement[row], expected.disagreement));
          REQUIRE(got.joined.mean.flags[row] == 0);
        }
      }
    }
  }
}

TEST_CASE("equal members disagree about nothing; one that is not finite spoils its row") {
  for (auto const& device : job_support::devices()) {
    auto members = random_members(1, 12);
    members.push_back(members[0]);
    members.push_back(members[0]);
    members[2][5] = NAN;
    std::vector<double> const third(3, 1.0 / 3);
    fod::Epilogue epilogue(device, {3, 4, third});
    std::vector<fod::Buffer> inputs;
    auto const got =
        run(epilogue, device, members, {3, 4, ElementType::float32, OutputMode::logits}, inputs);
    for (auto const row : {0, 2}) {
      CHECK(got.joined.disagreement[row] == 0);
      CHECK(got.joined.epistemic[row] >= 0);
      CHECK(got.joined.epistemic[row] < 1e-6F);
      CHECK(got.joined.mean.prediction[row] == got.members.prediction[row]);
    }
    CHECK((got.joined.mean.flags[1] & fod::row_nonfinite) != 0);
    CHECK(std::isnan(got.joined.mean.entropy[1]));
    CHECK(std::isnan(got.joined.aleatoric[1]));
    CHECK(got.joined.mean.prediction[1] == -1);
  }
}

TEST_CASE("a step of the user's own runs between built-in ones, on each member") {
  for (auto const& device : job_support::devices()) {
    std::vector<std::vector<float>> const members{{std::log(1.0F), std::log(3.0F)},
                                                  {std::log(1.0F), std::log(1.0F)}};
    fod::TransformChain smooth;
    smooth.steps[0] = {fod::RowTransform::Kind::smooth, 0.5F, 0};
    smooth.size = 1;
    fod::EpilogueSpec spec{1, 2, ElementType::float32, OutputMode::logits};
    spec.transforms = smooth; // (1/4, 3/4) becomes (3/8, 5/8)
    fod::Epilogue epilogue(device, {1, 2, {0.5, 0.5}, true},
                           {{std::make_shared<Sharpen>(), smooth}});
    std::vector<fod::Buffer> inputs;
    auto const got = run(epilogue, device, members, spec, inputs);
    float const sharp = 9.0F / 34; // 9/64 of 9/64 + 25/64
    CHECK(got.members.distributions[0] == Approx(sharp / 2 + 0.25F));
    CHECK(got.members.distributions[2] == Approx(0.5F));
    CHECK(got.joined.mean.distributions[0] == Approx(sharp / 4 + 0.375F));
    CHECK(got.members.logits[1] == std::log(3.0F));
  }
}

TEST_CASE("what was wrong before a step of the user's own stays wrong") {
  class Mend : public fod::HostTransform {
  public:
    void apply(float* rows, std::int64_t count, std::int64_t classes) override {
      std::fill_n(rows, count * classes, 0.5F);
    }
  };
  for (auto const& device : job_support::devices()) {
    fod::Epilogue epilogue(device, {3, 2}, {{std::make_shared<Mend>(), {}}});
    std::vector<fod::Buffer> inputs;
    auto const got = run(epilogue, device, {{0.5F, 0.5F, NAN, 1.0F, 3.0F, 4.0F}},
                         {3, 2, ElementType::float32, OutputMode::probs}, inputs);
    auto const& rows = got.joined.mean;
    CHECK(rows.flags[0] == 0);
    CHECK((rows.flags[1] & fod::row_nonfinite) != 0);
    CHECK(std::isnan(rows.distributions[2]));
    CHECK(rows.prediction[1] == -1);
    CHECK((rows.flags[2] & fod::row_no_distribution) != 0);
  }
}
