#include "fod/comm.hpp"
#include "fod/error.hpp"
#include "fod/events.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>

using fod::IndexRange;
using fod::events::Event;
using fod::events::EventLog;

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// A sample as it is looked at in a layer.
struct Look {
  std::size_t layer = 0;
  std::int64_t sample = 0;
  std::vector<float> centers;
  double mean = 0;
  double deviation = 1;
  std::int32_t category = -1;
  double loss = unknown;
};

void add(EventLog& log, Look const& look) {
  log.add(look.layer, look.sample, look.centers, look.mean, look.deviation, look.category,
          look.loss);
}

std::vector<std::int64_t> const group_counts{3, 5};
constexpr std::int64_t categories = 3;
constexpr IndexRange samples{100, 337};

/// Looks over all samples with ties, unknown losses, samples without a category or a deviation.
std::vector<Look> random_looks(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<std::int32_t> category(-1, categories - 1);
  std::vector<Look> looks;
  for (auto sample = samples.begin; sample < samples.end; ++sample) {
    auto const of_sample = category(random);
    auto const loss = sample % 7 == 0 ? unknown : std::exp(normal(random));
    for (std::size_t layer = 0; layer < group_counts.size(); ++layer) {
      Look look{layer,     sample, {}, normal(random) / 4, sample % 11 == 0 ? 0.0 : 1.0,
                of_sample, loss};
      for (std::int64_t g = 0; g < group_counts[layer]; ++g) { // multiples of 1/4: ties
        look.centers.push_back(static_cast<float>(std::round(normal(random) * 4) / 4));
      }
      look.mean = std::round(look.mean * 4) / 4;
      looks.push_back(look);
    }
  }
  return looks;
}

/// All events of a layer, in order, by the definition.
std::vector<Event> naive_events(std::vector<Look> const& looks, std::size_t layer) {
  std::vector<Event> events;
  for (auto const& look : looks) {
    for (std::size_t g = 0; look.layer == layer && look.deviation > 0 && g < look.centers.size();
         ++g) {
      auto const center = static_cast<double>(look.centers[g]);
      if (center > look.mean + 0.5 * look.deviation) {
        events.push_back({look.sample, static_cast<std::int32_t>(g), look.category,
                          static_cast<float>((center - look.mean) / look.deviation),
                          static_cast<float>(look.loss)});
      }
    }
  }
  std::sort(events.begin(), events.end(), [](Event const& a, Event const& b) {
    return std::make_tuple(-a.strength, a.sample, a.group) <
           std::make_tuple(-b.strength, b.sample, b.group);
  });
  return events;
}

bool same(Event const& a, Event const& b) {
  return a.sample == b.sample && a.group == b.group && a.category == b.category &&
         a.strength == b.strength &&
         (a.loss == b.loss || (std::isnan(a.loss) && std::isnan(b.loss)));
}

double mean_of(std::vector<double> const& values) {
  long double sum = 0;
  for (auto const value : values) {
    sum += value;
  }
  return values.empty() ? unknown : static_cast<double>(sum / static_cast<double>(values.size()));
}

double correlation_of(std::vector<double> const& x, std::vector<double> const& y) {
  auto const mean_x = mean_of(x);
  auto const mean_y = mean_of(y);
  long double xx = 0;
  long double yy = 0;
  long double xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  return xx > 0 && yy > 0 ? static_cast<double>(xy / std::sqrt(xx * yy)) : unknown;
}

void check_near(double found, double expected) {
  if (std::isnan(expected)) {
    CHECK(std::isnan(found));
  } else {
    CHECK(found == Approx(expected).epsilon(1e-12).margin(1e-12));
  }
}

/// Recounts the figures of the events of one group, or of all (negative).
void check_figures(fod::events::Figures const& figures, std::vector<Event> const& events,
                   std::int32_t group) {
  std::vector<std::int64_t> by_category(categories + 1);
  std::vector<std::int64_t> by_span(fod::events::span_count);
  std::vector<double> strength;
  std::vector<double> known_strength;
  std::vector<double> loss;
  for (auto const& event : events) {
    if (group >= 0 && event.group != group) {
      continue;
    }
    ++by_category[static_cast<std::size_t>(event.category < 0 ? categories : event.category)];
    ++by_span[static_cast<std::size_t>((event.sample - samples.begin) * 10 / samples.size())];
    strength.push_back(static_cast<double>(event.strength));
    if (!std::isnan(event.loss)) {
      known_strength.push_back(static_cast<double>(event.strength));
      loss.push_back(static_cast<double>(event.loss));
    }
  }
  CHECK(figures.events == std::ssize(strength));
  CHECK(figures.by_category == by_category);
  CHECK(figures.by_span == by_span);
  check_near(figures.mean_strength, mean_of(strength));
  check_near(figures.corr_loss, correlation_of(known_strength, loss));
}

EventLog log_of(std::vector<Look> const& looks, std::int64_t keep) {
  EventLog log(group_counts, categories, samples, keep);
  for (auto const& look : looks) {
    add(log, look);
  }
  return log;
}

} // namespace

TEST_CASE("events: counts, figures and the strongest equal a recount") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    auto const looks = random_looks(seed);
    auto const log = log_of(looks, 1'000'000);
    for (std::size_t layer = 0; layer < group_counts.size(); ++layer) {
      INFO("seed " << seed << ", layer " << layer);
      auto const expected = naive_events(looks, layer);
      REQUIRE(expected.size() > 100);
      auto const kept = log.kept(layer);
      REQUIRE(kept.size() == expected.size());
      CHECK(std::equal(kept.begin(), kept.end(), expected.begin(), same));
      CHECK(log.total(layer) == std::ssize(expected));
      auto const figures = log.figures(layer);
      CHECK(figures.samples == samples.size());
      check_figures(figures, expected, -1);
      for (std::int32_t g = 0; g < group_counts[layer]; ++g) {
        auto const& group = figures.groups[static_cast<std::size_t>(g)];
        check_figures(group, expected, g);
        // Losses of samples with and without an event of this group.
        std::array<std::vector<double>, 2> losses;
        for (auto const& look : looks) {
          if (look.layer == layer && !std::isnan(look.loss)) {
            bool const active = std::any_of(expected.begin(), expected.end(), [&](auto const& e) {
              return e.sample == look.sample && e.group == g;
            });
            losses.at(active ? 1 : 0).push_back(static_cast<double>(static_cast<float>(look.loss)));
          }
        }
        check_near(group.loss_active, mean_of(losses[1]));
        check_near(group.loss_inactive, mean_of(losses[0]));
      }
    }
  }
}

TEST_CASE("events: categories over spans, and samples per category") {
  auto const looks = random_looks(99);
  auto const figures = log_of(looks, 10).figures(1);
  std::vector<std::int64_t> of_samples(categories + 1);
  std::vector<std::int64_t> of_events(static_cast<std::size_t>((categories + 1) * 10));
  auto const slot = [](std::int32_t c) { return static_cast<std::size_t>(c < 0 ? categories : c); };
  for (auto const& look : looks) {
    of_samples[slot(look.category)] += look.layer == 1 ? 1 : 0;
  }
  for (auto const& event : naive_events(looks, 1)) {
    auto const span = (event.sample - samples.begin) * 10 / samples.size();
    ++of_events[slot(event.category) * 10 + static_cast<std::size_t>(span)];
  }
  CHECK(figures.category_samples == of_samples);
  CHECK(figures.category_by_span == of_events);
}

TEST_CASE("events: parts merged in any order give the same bytes, with ties at the limit") {
  std::mt19937 random(5);
  for (std::int64_t const keep : {0, 1, 17, 60, 1'000'000}) {
    auto looks = random_looks(static_cast<unsigned>(keep));
    auto const whole = log_of(looks, keep);
    auto const expected = naive_events(looks, 1);
    auto const kept = whole.kept(1);
    REQUIRE(std::ssize(kept) == std::min(keep, std::ssize(expected)));
    CHECK(std::equal(kept.begin(), kept.end(), expected.begin(), same));
    if (keep == 17) { // the limit cuts through equals
      CHECK(expected[16].strength == expected[17].strength);
    }
    for (std::size_t parts = 1; parts <= 4; ++parts) {
      std::shuffle(looks.begin(), looks.end(), random);
      std::vector<EventLog> logs;
      for (std::size_t p = 0; p < parts; ++p) {
        logs.push_back(
            log_of({looks.begin() + static_cast<std::ptrdiff_t>(p * looks.size() / parts),
                    looks.begin() + static_cast<std::ptrdiff_t>((p + 1) * looks.size() / parts)},
                   keep));
      }
      std::shuffle(logs.begin(), logs.end(), random);
      EventLog merged(group_counts, categories, samples, keep);
      for (auto const& log : logs) {
        merged.merge(log);
      }
      CHECK(merged.serialise() == whole.serialise());
    }
  }
}

TEST_CASE("events: a buffer that overflows many times keeps the strongest") {
  constexpr std::int64_t count = 20'000;
  EventLog log({1}, 0, {0, count}, 50);
  std::vector<float> strengths;
  std::mt19937 random(3);
  for (std::int64_t i = 0; i < count; ++i) {
    strengths.push_back(1 + static_cast<float>(random() % 4000));
    add(log, {0, i, {strengths.back()}});
  }
  std::vector<std::int64_t> order(count);
  for (std::int64_t i = 0; i < count; ++i) {
    order[static_cast<std::size_t>(i)] = i;
  }
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
    return strengths[static_cast<std::size_t>(a)] > strengths[static_cast<std::size_t>(b)];
  });
  REQUIRE(log.kept(0).size() == 50);
  for (std::size_t i = 0; i < 50; ++i) {
    CHECK(log.kept(0)[i].sample == order[i]);
  }
  CHECK(log.total(0) == count);
}

TEST_CASE("events: a group is active above mean + 0.5 sd, and only with numbers") {
  auto const events = [](float center, double mean, double deviation) {
    EventLog log({1}, 0, {0, 1});
    add(log, {0, 0, {center}, mean, deviation});
    return log.total(0);
  };
  CHECK(events(2, 1, 2) == 0); // not above, but at
  CHECK(events(2.0001F, 1, 2) == 1);
  CHECK(events(1, 0, 0) == 0);
  CHECK(events(1, 0, -1) == 0);
  CHECK(events(1, unknown, 1) == 0);
  CHECK(events(1, -infinity, 1) == 0);
  CHECK(events(1, 0, unknown) == 0);
  CHECK(events(std::numeric_limits<float>::infinity(), 0, 1) == 0);
  CHECK(events(std::numeric_limits<float>::quiet_NaN(), 0, 1) == 0);
  EventLog log({1}, 0, {0, 1});
  add(log, {0, 0, {1}, 0, 1e-300}); // a strength beyond float32
  CHECK(log.kept(0)[0].strength == std::numeric_limits<float>::max());
}

TEST_CASE("events: figures that cannot be told are NaN") {
  EventLog log({2}, 2, {0, 10});
  add(log, {0, 0, {1, 0}, 0, 1, 1, 3.1F});
  add(log, {0, 1, {2, 0}, 0, 1, 1, 3.1F});
  add(log, {0, 2, {0, 0}, 0, 1, 0, infinity});
  auto const figures = log.figures(0);
  CHECK(std::isnan(figures.groups[0].corr_loss)); // the loss is constant
  CHECK(figures.groups[0].mean_strength == 1.5);
  CHECK(figures.groups[0].loss_active == Approx(3.1).epsilon(1e-7));
  CHECK(std::isnan(figures.groups[0].loss_inactive));
  CHECK(std::isnan(figures.groups[1].mean_strength));
  CHECK(std::isnan(figures.groups[1].loss_active));
  CHECK(figures.groups[1].loss_inactive == Approx(3.1).epsilon(1e-7));
  CHECK(figures.groups[0].skill() == 1);
  CHECK(figures.groups[1].skill() == -1);
  CHECK(figures.mean_loss == Approx(3.1).epsilon(1e-7));
  CHECK(EventLog({1}, 0, {0, 10}).figures(0).skill() == -1);
}

TEST_CASE("events: sums are exact for numbers of any size") {
  EventLog log({1}, 0, {0, 1000});
  std::vector<float> const centers{1e30F, 1, 1e-3F, 1e30F, 3};
  for (std::size_t i = 0; i < centers.size(); ++i) {
    add(log,
        {0, static_cast<std::int64_t>(i), {centers[i]}, 0, 1e-4, -1, i % 2 == 0 ? -1e25 : 1e-30});
  }
  long double sum = 0;
  for (auto const center : {1e-3F, 1.0F, 3.0F, 1e30F, 1e30F}) { // ascending: nothing gets lost
    sum += static_cast<long double>(static_cast<float>(static_cast<double>(center) / 1e-4));
  }
  CHECK(log.figures(0).mean_strength == static_cast<double>(sum / 5));
  CHECK(log.figures(0).mean_loss == Approx(-3e25 / 5).epsilon(1e-7));
}

TEST_CASE("events: other logs and broken bytes are refused") {
  EventLog log({3, 5}, 2, {0, 10}, 4);
  for (auto const& other :
       {EventLog({3, 5}, 1, {0, 10}, 4).serialise(), EventLog({3, 4}, 2, {0, 10}, 4).serialise(),
        EventLog({3}, 2, {0, 10}, 4).serialise(), EventLog({3, 5}, 2, {0, 11}, 4).serialise(),
        EventLog({3, 5}, 2, {0, 10}, 5).serialise()}) {
    CHECK_THROWS_WITH(log.merge(other), Catch::Contains("not of the same layers"));
  }
  auto const bytes = log.serialise();
  for (auto const size : {std::size_t{3}, std::size_t{60}, bytes.size() - 1}) {
    CHECK_THROWS_WITH(log.merge(std::string_view(bytes).substr(0, size)),
                      Catch::Contains("cut off"));
  }
}

TEST_CASE("events: a rank alone is reduced to itself") {
  auto log = log_of(random_looks(1), 20);
  auto const before = log.serialise();
  reduce(log, fod::Comm::alone());
  CHECK(log.serialise() == before);
}
