// FirstOrderDataset and its loaders: every sample once, with its own distribution.

#include "api_support.hpp"

#include "fod/error.hpp"
#include "fod/first_order_dataset.hpp"
#include "fod/result.hpp"

#include <set>

using api_support::Ramp;
using api_support::Warnings;
using Catch::Matchers::Contains;
using fod::Distributions;
using fod::FirstOrderDataset;

namespace {

constexpr std::int64_t samples = 50;

/// Sample i has (i, 50 - i) / 50.
std::vector<float> row_of(std::int64_t i) {
  auto const p = static_cast<float>(i) / samples;
  return {p, 1 - p};
}

Distributions some(std::int64_t count) {
  Distributions all;
  for (std::int64_t i = 0; i < count; ++i) {
    all.add(i, row_of(i));
  }
  return all;
}

/// Index of a sample of a ramp, by its input.
std::int64_t index_of(torch::Tensor const& input) {
  return std::lround(input[0].item<float>() * 10);
}

template <class Loader>
std::vector<std::int64_t> walk(Loader& loader) {
  std::vector<std::int64_t> seen;
  for (auto& batch : loader) {
    for (std::int64_t i = 0; i < batch.input.size(0); ++i) {
      auto const index = index_of(batch.input[i]);
      REQUIRE(torch::equal(batch.distribution[i], torch::tensor(row_of(index))));
      if (batch.label.defined()) {
        REQUIRE(batch.label[i].template item<std::int64_t>() == index % 3);
      }
      seen.push_back(index);
    }
  }
  return seen;
}

std::vector<std::int64_t> in_order() {
  std::vector<std::int64_t> all(samples);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

} // namespace

TEST_CASE("Samples come with their distributions, with and without labels") {
  FirstOrderDataset dataset(Ramp(samples), some(samples));
  REQUIRE(dataset.size() == 50U);
  auto const sample = dataset.get(7);
  REQUIRE(index_of(sample.input) == 7);
  REQUIRE(sample.label.item<std::int64_t>() == 1);
  REQUIRE(torch::equal(sample.distribution, torch::tensor(row_of(7))));
  FirstOrderDataset bare(Ramp(samples, false), some(samples));
  REQUIRE_FALSE(bare.get(7).label.defined());
  FirstOrderDataset doubled(Ramp(samples), some(samples),
                            [](torch::data::Example<> const& s) { return s.data * 2; });
  REQUIRE(index_of(doubled.get(7).input) == 14);
}

TEST_CASE("A count that differs warns in the known words; a sample without one is named") {
  Warnings warnings;
  FirstOrderDataset const whole(Ramp(samples), some(samples));
  REQUIRE(warnings.texts.empty());
  FirstOrderDataset shorter(Ramp(samples), some(48));
  REQUIRE(warnings.texts == std::vector<std::string>{"[FirstOrderDataset] distributions count 48 "
                                                     "does not match dataset length 50."});
  REQUIRE_NOTHROW(shorter.get(47));
  REQUIRE_THROWS_WITH(shorter.get(48), Contains("No distribution for index 48"));
  FirstOrderDataset const longer(Ramp(48), some(samples)); // a dataset shorter than the file
  REQUIRE(warnings.texts.back() ==
          "[FirstOrderDataset] distributions count 50 does not match dataset length 48.");
}

TEST_CASE("Loaders give every sample once, in order or shuffled, by any number of workers") {
  for (std::size_t const workers : {0U, 1U, 3U}) {
    for (std::int64_t const batch : {1, 7, 50, 64}) {
      fod::LoaderOptions options{batch, false, workers, false, 0};
      auto loader = fod::output_dataloader(Ramp(samples), some(samples), options);
      REQUIRE(walk(*loader) == in_order());
      options.shuffle = true;
      options.seed = 3;
      auto shuffled = fod::output_dataloader(Ramp(samples, false), some(samples), options);
      auto const first = walk(*shuffled);
      REQUIRE(first != in_order());
      REQUIRE(std::set(first.begin(), first.end()).size() == samples);
      REQUIRE(walk(*shuffled) != first); // the next epoch
      auto again = fod::output_dataloader(Ramp(samples, false), some(samples), options);
      REQUIRE(walk(*again) == first); // the same seed
    }
  }
}

TEST_CASE("Pinned memory is asked for only where a GPU is") {
  auto loader =
      fod::output_dataloader(Ramp(samples), some(samples), {.batch_size = 8, .pin_memory = true});
  for (auto& batch : *loader) {
    REQUIRE(batch.input.is_pinned() == at::hasCUDA());
  }
}

TEST_CASE("Distributions may stay in their file") {
  TemporaryFolder const folder;
  fod::save_distributions(folder / "r.h5", some(samples));
  auto const reader = std::make_shared<fod::ResultReader const>(folder / "r.h5");
  auto loader = fod::output_dataloader(Ramp(samples), reader,
                                       {.batch_size = 9, .shuffle = true, .workers = 2});
  REQUIRE(walk(*loader).size() == samples);
}

TEST_CASE("The simple loader gives vectors of samples") {
  Ramp dataset(samples);
  fod::SimpleDataLoader loader(dataset, 8);
  REQUIRE(loader.size() == 7);
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<std::int64_t> seen;
    std::int64_t batches = 0;
    for (auto const& some_samples : loader) {
      ++batches;
      for (auto const& sample : some_samples) {
        seen.push_back(index_of(sample.data));
      }
    }
    REQUIRE(batches == loader.size());
    REQUIRE(seen == in_order());
  }
  fod::SimpleDataLoader shuffled(dataset, 8, true, 1);
  std::set<std::int64_t> seen;
  for (auto const& some_samples : shuffled) {
    for (auto const& sample : some_samples) {
      seen.insert(index_of(sample.data));
    }
  }
  REQUIRE(seen.size() == samples);
  Ramp none(0);
  for (auto const& some_samples : fod::SimpleDataLoader(none, 8)) {
    FAIL("a batch of " << some_samples.size());
  }
}

TEST_CASE("Misuse of datasets and loaders") {
  REQUIRE_THROWS_WITH(FirstOrderDataset(Ramp(samples), std::shared_ptr<Distributions const>()),
                      Contains("there are no distributions"));
  REQUIRE_THROWS_WITH(fod::output_dataloader(Ramp(samples), some(samples), {.batch_size = 0}),
                      Contains("batch size is 0"));
  Ramp dataset(samples);
  REQUIRE_THROWS_WITH(fod::SimpleDataLoader(dataset, -1), Contains("batch size is -1"));
  class Endless : public torch::data::datasets::Dataset<Endless> {
  public:
    torch::data::Example<> get(std::size_t) override { return {torch::zeros(4), torch::Tensor()}; }
    [[nodiscard]] std::optional<std::size_t> size() const override { return std::nullopt; }
  };
  REQUIRE_THROWS_WITH(FirstOrderDataset(Endless(), some(samples)),
                      Contains("does not know its size"));
  Warnings const quiet;
  auto loader = fod::output_dataloader(Ramp(samples), some(10), {.batch_size = 64, .workers = 1});
  REQUIRE_THROWS_WITH(walk(*loader), Contains("No distribution for index 10"));
}
