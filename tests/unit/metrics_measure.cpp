#include "fod/error.hpp"
#include "fod/metrics.hpp"
#include "fod/totals.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>
#include <vector>

namespace store = fod::store;
namespace metrics = fod::metrics;

namespace {

constexpr auto nothing = std::numeric_limits<float>::quiet_NaN();

store::Layout layout_of(std::int64_t samples, std::int64_t classes) {
  store::Layout layout;
  layout.grid = fod::BlockGrid(samples, 4);
  layout.blocks = {0, layout.grid.block_count()};
  layout.classes = classes;
  layout.labels = true;
  return layout;
}

/// A file of rows by chance: some not finite, some without a label, some with a confidence of 1.
std::string write_file(std::string const& path, store::Layout const& layout) {
  store::Contents const contents{R"({"model_name": "m"})", R"({"program": "test"})"};
  auto writer = store::ResultWriter::create(path, layout, contents, fod::Comm::alone());
  std::mt19937_64 random(static_cast<std::uint64_t>(layout.samples().end));
  std::uniform_real_distribution<float> draw(0.01F, 1.0F);
  auto const classes = static_cast<std::size_t>(layout.classes);
  for (auto block = layout.blocks.begin; block < layout.blocks.end; ++block) {
    auto const samples = layout.grid.samples_of(block);
    for (auto id = samples.begin; id < samples.end; ++id) {
      std::vector<float> p(classes);
      float sum = 0;
      for (auto& value : p) {
        sum += value = draw(random);
      }
      for (auto& value : p) {
        value = id % 5 == 0 ? 0 : value / sum;
      }
      p[static_cast<std::size_t>(id) % classes] += id % 5 == 0 ? 1.0F : 0.0F;
      bool const good = id % 11 != 3;
      if (!good) {
        p[0] = id % 2 == 0 ? nothing : -std::numeric_limits<float>::infinity();
      }
      auto const largest = std::max_element(p.begin(), p.end());
      std::uint8_t const status = good ? 0 : 1;
      auto const confidence = good ? *largest : nothing;
      auto const prediction = static_cast<std::int32_t>(good ? largest - p.begin() : -1);
      std::int64_t const label = id % 7 == 6 ? -1 : (id / 2) % layout.classes;
      float const entropy = 0.5;
      std::array<void const*, 7> const data{p.data(),    &id,         &status, &entropy,
                                            &confidence, &prediction, &label};
      for (std::size_t s = 0; s < data.size(); ++s) {
        writer.write(s, {id, id + 1}, data[s]);
      }
    }
    writer.complete_block(block);
  }
  writer.finish(contents, {});
  return path;
}

/// Shows blocks by turns to three, as to ranks.
class Dealer : public store::RowVisitor {
public:
  explicit Dealer(store::Layout const& layout) : parts_(3, fod::Totals(layout)) {}
  void rows(store::Section const& section, fod::IndexRange rows, std::byte const* data) override {
    parts_[next_].rows(section, rows, data);
  }
  void end_block(std::int64_t block, store::BlockFacts const& facts) override {
    parts_[next_].end_block(block, facts);
    next_ = (next_ + 1) % parts_.size();
  }
  std::vector<fod::Totals>& parts() { return parts_; }

private:
  std::vector<fod::Totals> parts_;
  std::size_t next_ = 0;
};

fod::Totals totals_of(std::string const& path) {
  store::ResultReader const reader(path);
  fod::Totals totals(reader.layout());
  store::visit_rows(reader, totals);
  return totals;
}

} // namespace

TEST_CASE("the job's figures are those of fod metrics", "[metrics]") {
  TemporaryFolder const folder;
  for (std::int64_t const samples : {1, 4, 300, 3000}) {
    for (std::int64_t const classes : {2, 5}) {
      auto const path = write_file(folder / "r.h5", layout_of(samples, classes));
      auto const job = totals_of(path).metrics();
      metrics::Request request;
      request.threads = 2;
      auto const report = metrics::measure(store::ResultReader(path), request);
      auto const& scores = report.labelled;
      auto const close = [&](char const* name, double value) {
        CHECK(job.values.at(name) == Approx(value).margin(1e-8));
      };
      close("accuracy", scores.accuracy);
      close("mean_confidence", report.mean_confidence);
      close("nll", scores.nll);
      close("brier", scores.brier);
      close("ece", scores.calibration.expected);
      close("mce", scores.calibration.maximum);
      close("classwise_ece", scores.classwise_ece);
      CHECK(job.values.at("nonfinite_rows") == static_cast<double>(report.nonfinite));
      CHECK(job.class_counts == report.class_counts);
      CHECK(job.label_counts == scores.class_counts);
      REQUIRE(job.reliability.size() == 15);
      for (std::size_t b = 0; b < 15; ++b) {
        CHECK(job.reliability[b][1] == scores.reliability[b].upper);
        CHECK(job.reliability[b][2] == static_cast<double>(scores.reliability[b].count));
        bool const empty = scores.reliability[b].count == 0;
        CHECK(std::isnan(job.reliability[b][3]) == empty);
        CHECK((empty || std::abs(job.reliability[b][4] - scores.reliability[b].accuracy) < 1e-8));
      }
      std::filesystem::remove(path);
    }
  }
}

TEST_CASE("sums of parts are those of the whole, bit for bit", "[metrics]") {
  TemporaryFolder const folder;
  auto const whole_layout = layout_of(1000, 3);
  auto const path = write_file(folder / "whole.h5", whole_layout);
  auto whole = totals_of(path);
  store::ResultReader const reader(path);
  Dealer dealer(reader.layout());
  store::visit_rows(reader, dealer);
  auto sum = dealer.parts().back();
  for (std::size_t part : {0U, 1U}) {
    for (std::size_t i = 0; i < sum.sums().size(); ++i) {
      sum.sums()[i] += dealer.parts()[part].sums()[i];
    }
  }
  CHECK(std::equal(sum.sums().begin(), sum.sums().end(), whole.sums().begin(), whole.sums().end()));
  CHECK(sum.metrics().values == whole.metrics().values);
}

TEST_CASE("without labels there are no scores", "[metrics]") {
  auto layout = layout_of(0, 0);
  layout.labels = false;
  auto const figures = fod::Totals(layout).metrics();
  CHECK(!figures.values.contains("nll"));
  CHECK(figures.reliability.empty());
  CHECK(figures.label_counts.empty());
  layout.distributions = false;
  layout.classes = 5;
  layout.labels = true;
  CHECK(fod::Totals(layout).metrics().class_counts.empty());
}

TEST_CASE("a file without samples has no figures", "[metrics]") {
  TemporaryFolder const folder;
  store::ResultReader const reader(write_file(folder / "r.h5", layout_of(0, 3)));
  metrics::Request request;
  request.threads = 3;
  request.conformal.methods = {metrics::ConformalMethod::aps};
  auto const report = metrics::measure(reader, request);
  CHECK(report.samples == 0);
  CHECK(std::isnan(report.labelled.accuracy));
  CHECK(std::isnan(report.labelled.classwise_ece));
  CHECK(std::isnan(report.entropy.median));
  CHECK(std::isinf(report.conformal.at(0).threshold));
  CHECK(std::isnan(report.conformal.at(0).coverage));
}
