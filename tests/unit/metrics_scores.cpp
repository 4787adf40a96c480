#include "fod/metrics.hpp"
#include "fod/scores.hpp"

#include "metrics/hull.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace metrics = fod::metrics;

namespace {

constexpr auto nothing = std::numeric_limits<double>::quiet_NaN();

double to_hull(std::vector<double> const& vertices, std::vector<double> const& point) {
  auto const distance = metrics::Hull().distance(vertices, point);
  REQUIRE(distance.has_value());
  return *distance;
}

double variation(double const* a, double const* b, std::size_t classes) {
  double sum = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    sum += std::abs(a[k] - b[k]);
  }
  return sum / 2;
}

} // namespace

TEST_CASE("bins are open below, closed above, and 1 is in the last", "[metrics]") {
  for (std::int64_t const bins : {1, 2, 3, 7, 10, 15, 49, 1000}) {
    CHECK(metrics::bin_of(1.0, bins) == bins - 1);
    CHECK(metrics::bin_of(1.0000001, bins) == bins - 1);
    CHECK(metrics::bin_of(0.0, bins) == 0);
    CHECK(metrics::bin_of(-1e-6, bins) == 0);
    for (std::int64_t i = 1; i < bins; ++i) {
      auto const edge = static_cast<double>(i) / static_cast<double>(bins);
      CHECK(metrics::bin_of(edge, bins) == i - 1);
      CHECK(metrics::bin_of(std::nextafter(edge, 2.0), bins) == i);
      CHECK(metrics::bin_of(std::nextafter(edge, 0.0), bins) == i - 1);
    }
  }
  CHECK(metrics::bin_of(nothing, 15) == 0);
}

TEST_CASE("empty bins weigh nothing", "[metrics]") {
  std::vector<metrics::ReliabilityBin> bins{metrics::reliability_bin(0, 3, 0, 0, 0),
                                            metrics::reliability_bin(1, 3, 3, 1, 1.5),
                                            metrics::reliability_bin(2, 3, 1, 1, 0.75)};
  CHECK(std::isnan(bins[0].accuracy));
  CHECK(std::isnan(bins[0].mean_confidence));
  CHECK(bins[1].lower == 1.0 / 3);
  CHECK(bins[2].upper == 1.0);
  auto const error = metrics::calibration_error(bins);
  CHECK(error.expected == Approx(0.75 * (0.5 - 1.0 / 3) + 0.25 * 0.25));
  CHECK(error.maximum == Approx(0.25));
  CHECK(std::isnan(metrics::calibration_error(std::span(bins).first(1)).expected));
  CHECK(std::isnan(metrics::calibration_error({}).maximum));
}

TEST_CASE("scores of a row", "[metrics]") {
  std::array<double, 4> const p{0.25, 0.375, 0.375, 0.0};
  CHECK(metrics::first_largest(p) == 1); // the lowest of equals
  CHECK(metrics::brier_score(p, 0) == Approx(0.5625 + 2 * 0.140625));
  CHECK(metrics::brier_score(p, 3) == Approx(0.0625 + 2 * 0.140625 + 1));
  CHECK(metrics::log_loss(p[0]) == Approx(std::log(4)));
  CHECK(metrics::log_loss(1.0) == 0);
  CHECK(metrics::log_loss(p[3]) == -std::log(std::numeric_limits<double>::epsilon()));
  CHECK(metrics::log_loss(-1e-9) == metrics::log_loss(0));
}

TEST_CASE("the threshold is the ceil((n+1)(1-alpha))-th smallest score", "[metrics]") {
  for (int n = 0; n <= 120; ++n) {
    std::vector<double> scores;
    for (int i = 0; i < n; ++i) {
      scores.push_back((i * 7919) % n); // all of 0 to n - 1, in some order, unless 7919 divides n
    }
    for (int percent = 1; percent < 100; ++percent) {
      auto const rank = ((n + 1) * (100 - percent) + 99) / 100; // exact
      auto const threshold = metrics::conformal_threshold(scores, percent / 100.0);
      if (rank > n) {
        CHECK(std::isinf(threshold));
      } else {
        CHECK(threshold == rank - 1);
      }
    }
  }
  CHECK(metrics::conformal_threshold({3, 1, 1, 2}, 0.5) == 2); // ties count each
}

TEST_CASE("the split depends on id and seed", "[metrics]") {
  int chosen = 0;
  int same = 0;
  for (std::int64_t id = 0; id < 10000; ++id) {
    bool const first = metrics::is_calibration(id, 0, 0.3);
    CHECK(first == metrics::is_calibration(id, 0, 0.3));
    CHECK((!first || metrics::is_calibration(id, 0, 0.6))); // a larger share takes more
    chosen += first ? 1 : 0;
    same += first == metrics::is_calibration(id, 1, 0.3) ? 1 : 0;
  }
  CHECK(std::abs(chosen - 3000) < 200);
  CHECK(std::abs(same - 5800) < 200); // 0.3^2 + 0.7^2
  CHECK_FALSE(metrics::is_calibration(5, 0, 0.0));
  CHECK(metrics::is_calibration(5, 0, 1.0));
}

TEST_CASE("distance to a convex hull", "[metrics]") {
  std::vector<double> const triangle{1, 0, 0, 0, 1, 0, 0, 0, 1};
  CHECK(to_hull(triangle, {0.2, 0.3, 0.5}) == 0);
  CHECK(to_hull(triangle, {1, 0, 0}) == 0); // on a vertex
  CHECK(to_hull(triangle, {0.5, 0.5, 0}) == 0);
  SECTION("of one vertex") {
    CHECK(to_hull({0.5, 0.25, 0.25}, {0.25, 0.5, 0.25}) == Approx(0.25));
  }
  SECTION("of vertices that are all the same") {
    CHECK(to_hull({0.5, 0.5, 0.5, 0.5, 0.5, 0.5}, {0.75, 0.25}) == Approx(0.25));
    CHECK(to_hull({0.5, 0.5, 0.5, 0.5, 0.5, 0.5}, {0.5, 0.5}) == 0);
  }
  SECTION("of two classes, an interval") {
    std::vector<double> const vertices{0.2, 0.8, 0.6, 0.4, 0.3, 0.7};
    for (int i = 0; i <= 20; ++i) {
      auto const t = i / 20.0;
      auto const expected = std::max({0.0, 0.2 - t, t - 0.6});
      CHECK(to_hull(vertices, {t, 1 - t}) == Approx(expected).margin(1e-12));
    }
  }
  SECTION("of an edge, along and beside it") {
    std::vector<double> const edge{0.6, 0.4, 0, 0.2, 0.4, 0.4};
    CHECK(to_hull(edge, {0.4, 0.4, 0.2}) == Approx(0).margin(1e-15));
    CHECK(to_hull(edge, {0.4, 0.6, 0}) == Approx(0.2));
  }
  SECTION("what is not finite has none") {
    CHECK_FALSE(metrics::Hull().distance(std::vector{nothing, 0.5}, std::vector{0.5, 0.5}));
    CHECK_FALSE(metrics::Hull().distance({}, std::vector{0.5, 0.5}));
  }
}

TEST_CASE("a mixture is inside, and no vertex is nearer than the hull", "[metrics]") {
  std::mt19937_64 random(7);
  std::exponential_distribution<double> draw;
  metrics::Hull hull;
  for (int trial = 0; trial < 300; ++trial) {
    std::size_t const classes = 2 + static_cast<std::size_t>(trial) % 40;
    std::size_t const count = 1 + static_cast<std::size_t>(trial) % 9;
    std::vector<double> vertices;
    std::vector<double> inside(classes, 0);
    std::vector<double> other(classes);
    double weights = 0;
    for (std::size_t v = 0; v <= count; ++v) {
      std::vector<double> row(classes);
      double sum = 0;
      for (auto& value : row) {
        sum += value = draw(random);
      }
      auto const weight = draw(random);
      for (std::size_t k = 0; k < classes; ++k) {
        row[k] /= sum;
        inside[k] += v < count ? weight * row[k] : 0;
      }
      weights += v < count ? weight : 0;
      v < count ? void(vertices.insert(vertices.end(), row.begin(), row.end())) : void(other = row);
    }
    for (auto& value : inside) {
      value /= weights;
    }
    CHECK(*hull.distance(vertices, inside) < 1e-14);
    auto const distance = *hull.distance(vertices, other);
    for (std::size_t v = 0; v < count; ++v) {
      CHECK(distance <= variation(&vertices[v * classes], other.data(), classes) + 1e-14);
    }
    // The order of vertices is of no account.
    std::vector<double> turned;
    for (std::size_t v = count; v-- > 0;) {
      turned.insert(turned.end(), &vertices[v * classes], &vertices[v * classes] + classes);
    }
    CHECK(*hull.distance(turned, other) == Approx(distance).margin(1e-13));
  }
}
