#include "fod/error.hpp"
#include "fod/event_file.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

using fod::ElementType;
using fod::events::EventLog;
namespace store = fod::store;

namespace {

/// Two layers with groups and one without.
EventLog some_log(std::int64_t keep) {
  EventLog log({3, 0, 2}, 2, {10, 90}, keep);
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (std::int64_t sample = 10; sample < 90; ++sample) {
    for (std::size_t layer = 0; layer < 3; ++layer) {
      std::vector<float> centers(static_cast<std::size_t>(log.groups(layer)));
      for (auto& center : centers) {
        center = normal(random);
      }
      log.add(layer, sample, centers, 0, 1, static_cast<std::int32_t>(sample % 3) - 1,
              sample % 2 == 0 ? 0.5 : std::numeric_limits<double>::quiet_NaN());
    }
  }
  return log;
}

store::EventNames const names{{"a", "b", "c"}, {0, 3, 3}, {"art", "logic"}};

template <class T>
std::vector<T> column(fod::h5::File const& file, std::string const& path, ElementType type) {
  auto const dataset = file.dataset(path);
  CHECK(dataset.type() == type);
  std::vector<T> values(static_cast<std::size_t>(dataset.shape()[0]));
  dataset.read({0, dataset.shape()[0]}, type, values.data());
  return values;
}

bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

void check_same(fod::events::Figures const& a, fod::events::Figures const& b) {
  CHECK(a.events == b.events);
  CHECK(a.by_category == b.by_category);
  CHECK(a.by_span == b.by_span);
  CHECK(same(a.mean_strength, b.mean_strength));
  CHECK(same(a.corr_loss, b.corr_loss));
}

} // namespace

TEST_CASE("event file: columns in order, and the summary read back") {
  for (std::int64_t const keep : {0, 5, 1000}) {
    TemporaryFolder const folder;
    auto const log = some_log(keep);
    auto file = fod::h5::File::create(folder / "e.h5");
    store::write_events(file, log, names);
    auto const samples = column<std::int64_t>(file, "/events/sample", ElementType::int64);
    auto const layers = column<std::int32_t>(file, "/events/layer", ElementType::int32);
    auto const groups = column<std::int64_t>(file, "/events/group", ElementType::int64);
    auto const strengths = column<float>(file, "/events/strength", ElementType::float32);
    auto const categories = column<std::int32_t>(file, "/events/category", ElementType::int32);
    auto const losses = column<float>(file, "/events/loss", ElementType::float32);
    std::size_t row = 0;
    for (std::size_t layer = 0; layer < 3; ++layer) {
      CHECK(std::ssize(log.kept(layer)) == std::min(keep, log.total(layer)));
      for (auto const& event : log.kept(layer)) {
        REQUIRE(row < samples.size());
        CHECK(samples[row] == event.sample);
        CHECK(layers[row] == static_cast<std::int32_t>(layer));
        CHECK(groups[row] == event.group + (layer == 2 ? 3 : 0));
        CHECK(strengths[row] == event.strength);
        CHECK(categories[row] == event.category);
        CHECK(same(static_cast<double>(losses[row]), static_cast<double>(event.loss)));
        ++row;
      }
    }
    CHECK(row == samples.size());
    auto const read = store::read_events_summary(file);
    REQUIRE(read);
    CHECK(read->names.layers == names.layers);
    CHECK(read->names.categories == names.categories);
    CHECK(read->names.first_group_ids[0] == 0);
    CHECK(read->names.first_group_ids[2] == 3);
    CHECK(read->samples == fod::IndexRange{10, 90});
    CHECK(read->total == log.total(0) + log.total(2));
    CHECK(read->kept == std::ssize(samples));
    CHECK(read->keep == keep);
    REQUIRE(read->layers.size() == 3);
    for (std::size_t layer = 0; layer < 3; ++layer) {
      auto const expected = log.figures(layer);
      auto const& found = read->layers[layer];
      check_same(found, expected);
      CHECK(found.samples == 80);
      CHECK(found.category_samples == expected.category_samples);
      CHECK(found.category_by_span == expected.category_by_span);
      CHECK(same(found.mean_loss, expected.mean_loss));
      REQUIRE(found.groups.size() == expected.groups.size());
      for (std::size_t g = 0; g < expected.groups.size(); ++g) {
        check_same(found.groups[g], expected.groups[g]);
        CHECK(same(found.groups[g].loss_active, expected.groups[g].loss_active));
        CHECK(same(found.groups[g].loss_inactive, expected.groups[g].loss_inactive));
      }
    }
  }
}

TEST_CASE("event file: nothing without groups or categories, and damage is told") {
  TemporaryFolder const folder;
  auto file = fod::h5::File::create(folder / "e.h5");
  CHECK(!store::read_events_summary(file));
  store::write_events(file, EventLog({}, 0, {0, 0}), {});
  auto const read = store::read_events_summary(file);
  REQUIRE(read);
  CHECK(read->layers.empty());
  CHECK(read->total == 0);

  for (std::string const path : {"/events/summary/group/by_span", "/events/summary/layer/events",
                                 "/events/summary/group/layer", "/events/summary/layer/by_span"}) {
    auto damaged = fod::h5::File::create(folder / "d.h5");
    store::write_events(damaged, some_log(5), names);
    damaged.remove(path);
    std::vector<std::int64_t> const values{7, 7};
    damaged.create_dataset(path, ElementType::int64, {2})
        .write({0, 2}, ElementType::int64, values.data());
    CHECK_THROWS_WITH(store::read_events_summary(damaged),
                      Catch::Contains("d.h5:/events is damaged"));
  }
}
