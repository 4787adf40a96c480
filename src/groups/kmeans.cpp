#include "kmeans.hpp"

#include "loops.hpp"
#include "parallel.hpp"
#include "seeding.hpp"

#include <algorithm>

namespace fod::groups {

namespace {

constexpr int most_rounds = 300;
/// What counts as lower, of squared distances up to 2 (4 for signed correlations).
constexpr double rounding = 1e-12;

/// One restart: clusters and, for each, the sums of the kernel between its neurons and all.
class Search {
public:
  Search(MatrixView r, std::int64_t clusters, Kernel kernel, Engine& engine, int threads)
      : r_(r), clusters_(clusters), kernel_(kernel), engine_(engine), threads_(threads),
        sums_(static_cast<std::size_t>(clusters * r.n)), inner_(static_cast<std::size_t>(clusters)),
        sizes_(static_cast<std::size_t>(clusters)), stay_(static_cast<std::size_t>(r.n)),
        best_(static_cast<std::size_t>(r.n)), target_(static_cast<std::size_t>(r.n)) {}

  Clustering run(std::vector<std::int32_t> labels) {
    labels_ = std::move(labels);
    sum_up();
    for (auto const single : {false, true}) {
      for (int round = 0; round < most_rounds && step(single); ++round) {
      }
    }
    if (!exact_) {
      sum_up();
    }
    return {labels_, inertia()};
  }

private:
  [[nodiscard]] double sum_of(std::int64_t cluster, std::int64_t neuron) const {
    return sums_[static_cast<std::size_t>(cluster * r_.n + neuron)];
  }
  [[nodiscard]] double size_of(std::int32_t cluster) const {
    return static_cast<double>(sizes_[static_cast<std::size_t>(cluster)]);
  }

  /// All sums, and from them sizes and the sums of the kernel over pairs of each cluster.
  void sum_up() {
    engine_.cluster_sums(labels_, clusters_, kernel_, sums_);
    exact_ = true;
    weigh();
  }
  void weigh() {
    std::ranges::fill(sizes_, 0);
    std::ranges::fill(inner_, 0.0);
    for (std::int64_t i = 0; i < r_.n; ++i) {
      auto const cluster = static_cast<std::size_t>(labels_[static_cast<std::size_t>(i)]);
      ++sizes_[cluster];
      inner_[cluster] += sum_of(static_cast<std::int64_t>(cluster), i);
    }
  }

  /// One round of moves: of all neurons to the nearest mean, or of single ones.
  /// @return whether to go on
  bool step(bool single) {
    find_targets(single);
    if (!single) {
      fill_empty();
    }
    auto const moves = single ? gainful_moves() : all_moves();
    if (moves.empty() && exact_) {
      return false;
    }
    for (auto const& move : moves) {
      labels_[static_cast<std::size_t>(move.neuron)] = move.to;
    }
    if (moves.empty() || std::ssize(moves) * 4 > r_.n) {
      sum_up(); // the sums that were moved are right to about 1e-15 for each move
    } else {
      engine_.move_sums(moves, kernel_, sums_);
      exact_ = false;
      weigh();
    }
    return true;
  }

  /// For each neuron what it costs to stay, and the cluster where it costs least to be. As the
  /// nearest mean, the cost is |x - mean|^2 = 1 - 2 sum_j k(x, j) / size + sum_jl k(j, l) / size^2;
  /// singly, it is what the inertia changes by when the neuron leaves, size / (size - 1) times
  /// that, or comes, size / (size + 1) times.
  void find_targets(bool single) {
    constexpr std::int64_t at_once = 1024;
    in_parallel(r_.n, clusters_, threads_, [&](std::int64_t begin, std::int64_t end) {
      for (auto at = begin; at < end; at += at_once) {
        auto const width = std::min(at_once, end - at);
        for (auto i = at; i < at + width; ++i) {
          auto const here = static_cast<std::size_t>(i);
          auto const cluster = labels_[here];
          auto const size = size_of(cluster);
          auto const distance = 1 + offset(cluster) - 2 * sum_of(cluster, i) / size;
          auto const weight = !single ? 1 : size > 1 ? size / (size - 1) : 0;
          stay_[here] = weight * distance;
          best_[here] = stay_[here];
          target_[here] = cluster;
        }
        for (std::int32_t c = 0; c < clusters_; ++c) {
          auto const size = size_of(c);
          auto const weight = single ? size / (size + 1) : 1;
          if (size > 0 || single) {
            loops::offer_cluster(
                &sums_[static_cast<std::size_t>(c * r_.n + at)], width, weight * (1 + offset(c)),
                2 * weight / std::max(size, 1.0), c, &labels_[static_cast<std::size_t>(at)],
                &best_[static_cast<std::size_t>(at)], &target_[static_cast<std::size_t>(at)]);
          }
        }
      }
    });
  }
  [[nodiscard]] double offset(std::int32_t cluster) const {
    auto const size = std::max(size_of(cluster), 1.0);
    return inner_[static_cast<std::size_t>(cluster)] / (size * size);
  }

  /// Gives each cluster that all would leave the neuron that is farthest from its mean.
  void fill_empty() {
    std::vector<std::int64_t> sizes(sizes_.size());
    for (auto const cluster : target_) {
      ++sizes[static_cast<std::size_t>(cluster)];
    }
    for (std::size_t c = 0; c < sizes.size(); ++c) {
      double farthest = rounding;
      std::size_t neuron = target_.size();
      for (std::size_t i = 0; i < target_.size() && sizes[c] == 0; ++i) {
        if (sizes[static_cast<std::size_t>(target_[i])] > 1 && best_[i] > farthest) {
          farthest = best_[i];
          neuron = i;
        }
      }
      if (neuron < target_.size()) {
        --sizes[static_cast<std::size_t>(target_[neuron])];
        ++sizes[c];
        target_[neuron] = static_cast<std::int32_t>(c);
        best_[neuron] = 0;
      }
    }
  }

  [[nodiscard]] std::vector<Move> all_moves() const {
    std::vector<Move> moves;
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      if (labels_[i] != target_[i]) {
        moves.push_back({static_cast<std::int64_t>(i), labels_[i], target_[i]});
      }
    }
    return moves;
  }

  /// Those that gain most and have no cluster in common, so that their gains add up.
  [[nodiscard]] std::vector<Move> gainful_moves() const {
    auto moves = all_moves();
    auto const gain = [&](Move const& move) {
      auto const i = static_cast<std::size_t>(move.neuron);
      return stay_[i] - best_[i];
    };
    std::erase_if(moves, [&](Move const& move) { return gain(move) <= rounding; });
    std::ranges::stable_sort(moves, std::ranges::greater(), gain);
    std::vector<bool> changed(sizes_.size());
    std::erase_if(moves, [&](Move const& move) {
      auto const from = static_cast<std::size_t>(move.from);
      auto const to = static_cast<std::size_t>(move.to);
      if (changed[from] || changed[to]) {
        return true;
      }
      changed[from] = changed[to] = true;
      return false;
    });
    return moves;
  }

  [[nodiscard]] double inertia() const {
    auto sum = static_cast<double>(r_.n); // of k(i, i)
    for (std::size_t c = 0; c < sizes_.size(); ++c) {
      sum -= sizes_[c] > 0 ? inner_[c] / static_cast<double>(sizes_[c]) : 0;
    }
    return std::max(sum, 0.0);
  }

  MatrixView r_;
  std::int64_t clusters_;
  Kernel kernel_;
  Engine& engine_;
  int threads_;
  std::vector<std::int32_t> labels_;
  std::vector<double> sums_;  ///< (clusters, n)
  std::vector<double> inner_; ///< by cluster
  std::vector<std::int64_t> sizes_;
  std::vector<double> stay_; ///< by neuron
  std::vector<double> best_; ///< by neuron: cost in `target_`
  std::vector<std::int32_t> target_;
  bool exact_ = false; ///< the sums were taken over all neurons, not moved
};

/// Each neuron with the nearest center, the first among equals.
std::vector<std::int32_t> labels_by(MatrixView r, std::vector<std::int64_t> const& centers,
                                    Kernel kernel) {
  auto const n = static_cast<std::size_t>(r.n);
  std::vector<double> best(n, loops::far);
  std::vector<std::int32_t> const none(n, -1);
  std::vector<std::int32_t> labels(n);
  std::vector<double> values(n);
  for (std::size_t c = 0; c < centers.size(); ++c) {
    double const* const row = r.row(centers[c]);
    std::ranges::fill(values, 0.0);
    loops::add_rows({&row, 1}, r.n, kernel, values.data());
    loops::offer_cluster(values.data(), r.n, 2, 2, static_cast<std::int32_t>(c), none.data(),
                         best.data(), labels.data());
  }
  return labels;
}

} // namespace

Clustering kmeans(MatrixView r, std::int64_t clusters, KmeansSettings const& settings,
                  Engine& engine, int threads) {
  Random random(settings.seed);
  Clustering best;
  for (int restart = 0; restart < std::max(settings.restarts, 1) && r.n > 0; ++restart) {
    auto const centers =
        draw_centers(r, std::clamp<std::int64_t>(clusters, 1, r.n), settings.kernel, random);
    Search search(r, std::ssize(centers), settings.kernel, engine, threads);
    auto found = search.run(labels_by(r, centers, settings.kernel));
    if (restart == 0 || found.inertia < best.inertia - rounding * static_cast<double>(r.n)) {
      best = std::move(found);
    }
  }
  return best;
}

double kmeans_inertia(MatrixView r, std::span<std::int32_t const> labels, bool squared) {
  auto const clusters = labels.empty() ? 0 : std::ranges::max(labels) + 1;
  std::vector<double> inner(static_cast<std::size_t>(clusters));
  std::vector<double> sizes(static_cast<std::size_t>(clusters));
  for (std::int64_t i = 0; i < r.n; ++i) {
    auto const cluster = labels[static_cast<std::size_t>(i)];
    ++sizes[static_cast<std::size_t>(cluster)];
    for (std::int64_t j = 0; j < r.n; ++j) {
      if (labels[static_cast<std::size_t>(j)] == cluster) {
        inner[static_cast<std::size_t>(cluster)] += squared ? r.at(i, j) * r.at(i, j) : r.at(i, j);
      }
    }
  }
  auto inertia = static_cast<double>(r.n);
  for (std::size_t c = 0; c < inner.size(); ++c) {
    inertia -= sizes[c] > 0 ? inner[c] / sizes[c] : 0;
  }
  return std::max(inertia, 0.0);
}

} // namespace fod::groups
