#include "groups_support.hpp"

#include "groups/kmeans.hpp"

#include <catch2/catch.hpp>

#include <map>

using fod::groups::Clustering;
using fod::groups::find_groups;
using fod::groups::host_engine;
using fod::groups::Kernel;
using fod::groups::kmeans;
using fod::groups::kmeans_inertia;
using fod::groups::KmeansSettings;
using fod::groups::MatrixView;
using fod::groups::mean_silhouette;
using fod::groups::Method;
using fod::groups::Options;
using groups_support::Matrix;

namespace {

Clustering clustered(Matrix const& matrix, std::int64_t clusters, KmeansSettings const& settings) {
  auto const engine = host_engine(matrix.view(), 1);
  return kmeans(matrix.view(), clusters, settings, *engine, 1);
}

/// Squared distances of vectors to the mean of their cluster.
double inertia_of(std::vector<std::vector<double>> const& features,
                  std::vector<std::int32_t> const& labels) {
  std::map<std::int32_t, std::vector<double>> sums;
  std::map<std::int32_t, double> sizes;
  for (std::size_t i = 0; i < features.size(); ++i) {
    auto& sum = sums[labels[i]];
    sum.resize(features[i].size());
    for (std::size_t k = 0; k < sum.size(); ++k) {
      sum[k] += features[i][k];
    }
    ++sizes[labels[i]];
  }
  double inertia = 0;
  for (std::size_t i = 0; i < features.size(); ++i) {
    for (std::size_t k = 0; k < features[i].size(); ++k) {
      auto const difference = features[i][k] - sums[labels[i]][k] / sizes[labels[i]];
      inertia += difference * difference;
    }
  }
  return inertia;
}

/// Unit vectors, whose inner products are the correlations; their products by pairs of entries have
/// the squares as inner products.
struct Explicit {
  std::vector<std::vector<double>> vectors;
  std::vector<std::vector<double>> squared;
  Matrix matrix;
};
Explicit explicit_features(std::size_t n, std::size_t dimension, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  Explicit all{{}, {}, Matrix(static_cast<std::int64_t>(n))};
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> vector(dimension);
    double squares = 0;
    for (std::size_t k = 0; k < dimension; ++k) {
      vector[k] = normal(random) + (k == i % 3 ? 3 : 0); // three bundles
      squares += vector[k] * vector[k];
    }
    std::vector<double> products;
    for (auto& value : vector) {
      value /= std::sqrt(squares);
    }
    for (auto const a : vector) {
      for (auto const b : vector) {
        products.push_back(a * b);
      }
    }
    for (std::size_t j = 0; j < i; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < dimension; ++k) {
        sum += vector[k] * all.vectors[j][k];
      }
      all.matrix.set(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j), sum);
    }
    all.vectors.push_back(vector);
    all.squared.push_back(products);
  }
  return all;
}

/// The lowest inertia of all ways to make so many clusters.
double best_inertia(MatrixView r, std::int32_t clusters, bool squared) {
  double best = 1e9;
  std::vector<std::int32_t> labels(static_cast<std::size_t>(r.n));
  for (;;) {
    best = std::min(best, kmeans_inertia(r, labels, squared));
    std::size_t at = 0;
    while (at < labels.size() && ++labels[at] == clusters) {
      labels[at++] = 0;
    }
    if (at == labels.size()) {
      return best;
    }
  }
}

} // namespace

TEST_CASE("inertia is that of explicit feature vectors") {
  std::mt19937_64 random(6);
  for (int trial = 0; trial < 20; ++trial) {
    auto const features = explicit_features(30 + random() % 40, 6, random);
    for (auto const squared : {true, false}) {
      for (auto const clusters : {1, 2, 3, 7}) {
        KmeansSettings const settings{squared ? Kernel::squared : Kernel::correlation,
                                      random() % 100, 3};
        auto const found = clustered(features.matrix, clusters, settings);
        auto const& vectors = squared ? features.squared : features.vectors;
        REQUIRE(found.inertia == Approx(inertia_of(vectors, found.labels)).epsilon(1e-11));
        REQUIRE(kmeans_inertia(features.matrix.view(), found.labels, squared) ==
                Approx(found.inertia).epsilon(1e-11));
        REQUIRE(*std::max_element(found.labels.begin(), found.labels.end()) == clusters - 1);
      }
    }
  }
}

TEST_CASE("no neuron alone could lower the inertia by going elsewhere") {
  std::mt19937_64 random(7);
  auto const features = explicit_features(60, 5, random);
  for (auto const squared : {true, false}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      auto const found =
          clustered(features.matrix, 6, {squared ? Kernel::squared : Kernel::correlation, seed, 1});
      for (std::size_t i = 0; i < found.labels.size(); ++i) {
        for (std::int32_t c = 0; c < 6; ++c) {
          auto labels = found.labels;
          labels[i] = c;
          REQUIRE(kmeans_inertia(features.matrix.view(), labels, squared) > found.inertia - 1e-11);
        }
      }
    }
  }
}

TEST_CASE("the restarts find the best clustering of few neurons") {
  std::mt19937_64 random(9);
  for (int trial = 0; trial < 12; ++trial) {
    auto const features = explicit_features(9, 4, random);
    for (auto const squared : {true, false}) {
      auto const found =
          clustered(features.matrix, 3, {squared ? Kernel::squared : Kernel::correlation, 1, 20});
      CHECK(found.inertia ==
            Approx(best_inertia(features.matrix.view(), 3, squared)).epsilon(1e-12));
    }
  }
}

TEST_CASE("a seed decides; more restarts are never worse") {
  std::mt19937_64 random(10);
  auto const matrix = explicit_features(120, 8, random).matrix;
  double last = 1e9;
  for (auto const restarts : {1, 2, 5, 20}) {
    auto const found = clustered(matrix, 8, {Kernel::squared, 4, restarts});
    CHECK(found.labels == clustered(matrix, 8, {Kernel::squared, 4, restarts}).labels);
    CHECK(found.inertia <= last + 1e-10);
    last = found.inertia;
  }
}

TEST_CASE("neurons that coincide, or have nothing in common") {
  Matrix const one(40, 1);
  auto const together = clustered(one, 5, {});
  CHECK(together.labels == std::vector<std::int32_t>(40, 0));
  CHECK(together.inertia == 0);

  Matrix const none(40);
  auto const apart = clustered(none, 5, {});
  CHECK(apart.inertia == Approx(35)); // 1 less for each cluster, whatever its size
  CHECK(*std::max_element(apart.labels.begin(), apart.labels.end()) == 4);
  CHECK(clustered(none, 40, {}).inertia == 0);

  // Two points, each many times: more clusters than that cannot be.
  Matrix two(30);
  for (std::int64_t i = 0; i < 30; ++i) {
    for (std::int64_t j = 0; j < i; ++j) {
      two.set(i, j, i % 2 == j % 2 ? 1 : 0);
    }
  }
  auto const pair = clustered(two, 4, {});
  CHECK(pair.inertia == 0);
  for (std::size_t i = 0; i < 30; ++i) {
    CHECK(pair.labels[i] == pair.labels[i % 2]);
  }
  CHECK(pair.labels[0] != pair.labels[1]);
}

TEST_CASE("the mean silhouette is scikit-learn's") {
  // silhouette_score(1 - |R|, labels, metric="precomputed")
  Matrix matrix(12);
  for (std::int64_t i = 0; i < 12; ++i) {
    for (std::int64_t j = 0; j < i; ++j) {
      matrix.set(i, j, static_cast<double>((i * j * 7 + i + j) % 17 - 8) / 16);
    }
  }
  auto const engine = host_engine(matrix.view(), 1);
  std::vector<std::int32_t> const labels{0, 1, 2, 0, 1, 2, 0, 0, 1, 1, 0, 3};
  CHECK(mean_silhouette(matrix.view(), labels, 4, *engine, 1) ==
        Approx(-0.09663370508338703).epsilon(1e-13));
  CHECK(mean_silhouette(matrix.view(), std::vector<std::int32_t>(12), 1, *engine, 2) == 0);
}

TEST_CASE("the number of groups is found by the silhouette") {
  for (auto const groups : {2, 3, 7}) {
    Matrix matrix(42);
    for (std::int64_t i = 0; i < 42; ++i) {
      for (std::int64_t j = 0; j < i; ++j) {
        matrix.set(i, j, i % groups == j % groups ? ((i + j) / groups % 2 == 0 ? 0.9 : -0.9) : 0.1);
      }
    }
    Options options;
    options.method = Method::kmeans;
    auto const engine = host_engine(matrix.view(), 1);
    auto const found = find_groups(matrix.view(), options, *engine, 1);
    CHECK(std::ssize(found.groups) == groups);
    CHECK(found.ungrouped.empty());
  }
}
