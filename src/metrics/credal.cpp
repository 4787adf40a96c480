#include "credal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace fod::metrics {

CredalTally::CredalTally(Columns const& columns, Request const& request)
    : columns_(columns), radius_(request.radius.value_or(0)), tolerance_(request.tolerance) {
  if (columns.members > 0) {
    sets_.push_back({"members", Kind::intervals});
    sets_.push_back({"members", Kind::hull});
  }
  if (columns.bounds) {
    sets_.push_back({"lower/upper", Kind::intervals});
  }
  if (columns.vertices > 0) {
    sets_.push_back({"vertices", Kind::intervals});
    sets_.push_back({"vertices", Kind::hull});
  }
  if (request.radius) {
    sets_.push_back({"radius", Kind::ball});
  }
}

std::size_t CredalTally::find(std::string const& from) const {
  auto const found =
      std::find_if(sets_.begin(), sets_.end(), [&](Set const& set) { return set.from == from; });
  return static_cast<std::size_t>(found - sets_.begin());
}

std::span<double const> CredalTally::target(Portion const& portion, std::size_t row) {
  if (columns_.truth) {
    return portion.truth_known[row] != 0 ? row_of(portion.truth, row, columns_.classes)
                                         : std::span<double const>();
  }
  if (!columns_.labels || portion.labels[row] < 0) {
    return {};
  }
  one_hot_.assign(columns_.classes, 0);
  one_hot_[static_cast<std::size_t>(portion.labels[row])] = 1;
  return one_hot_;
}

void CredalTally::add(Portion const& portion, std::size_t row) {
  if (sets_.empty() || !portion.counts(row)) {
    return;
  }
  auto const truth = target(portion, row);
  auto const classes = columns_.classes;
  if (columns_.members > 0) {
    add_vertices(find("members"), row_of(portion.members, row, columns_.members * classes), truth,
                 portion.ids[row]);
  }
  if (columns_.bounds) {
    add_intervals(sets_[find("lower/upper")], truth, row_of(portion.lower, row, classes),
                  row_of(portion.upper, row, classes));
  }
  if (columns_.vertices > 0) {
    add_vertices(find("vertices"), row_of(portion.vertices, row, columns_.vertices * classes),
                 truth, portion.ids[row]);
  }
  if (auto const ball = find("radius"); ball < sets_.size()) {
    add_ball(sets_[ball], portion.prediction(row), truth);
  }
}

void CredalTally::bound(std::span<double const> vertices) {
  auto const classes = columns_.classes;
  lower_.assign(vertices.begin(), vertices.begin() + static_cast<std::ptrdiff_t>(classes));
  upper_ = lower_;
  for (std::size_t i = classes; i < vertices.size(); ++i) {
    lower_[i % classes] = std::min(lower_[i % classes], vertices[i]);
    upper_[i % classes] = std::max(upper_[i % classes], vertices[i]);
  }
}

void CredalTally::add_intervals(Set& set, std::span<double const> truth,
                                std::span<double const> lower,
                                std::span<double const> upper) const {
  double width = 0;
  bool inside = true;
  for (std::size_t k = 0; k < lower.size(); ++k) {
    width += upper[k] - lower[k];
    inside = inside && (truth.empty() ||
                        (truth[k] >= lower[k] - tolerance_ && truth[k] <= upper[k] + tolerance_));
  }
  ++set.rows;
  set.width.add(width / static_cast<double>(lower.size()));
  if (!truth.empty()) {
    ++set.samples;
    set.covered += inside ? 1 : 0;
  }
}

void CredalTally::add_distance(Set& set, double distance, double radius) const {
  ++set.samples;
  set.covered += distance <= radius + tolerance_ ? 1 : 0;
  set.distance.add(distance);
  set.max_distance = std::max(set.max_distance, distance);
}

/// Of a set given by vertices there are two, one after the other: intervals and hull.
void CredalTally::add_vertices(std::size_t first, std::span<double const> vertices,
                               std::span<double const> truth, std::int64_t id) {
  bound(vertices);
  add_intervals(sets_[first], truth, lower_, upper_);
  auto& hull = sets_[first + 1];
  hull.rows = sets_[first].rows;
  hull.width = sets_[first].width;
  if (truth.empty()) {
    return;
  }
  if (auto const distance = hull_.distance(vertices, truth)) {
    add_distance(hull, *distance, 0);
  } else if (!failed_) {
    failed_ = id;
  }
}

void CredalTally::add_ball(Set& set, std::span<double const> prediction,
                           std::span<double const> truth) {
  double width = 0;
  for (auto const p : prediction) {
    width += std::min(1.0, p + radius_) - std::max(0.0, p - radius_);
  }
  ++set.rows;
  set.width.add(width / static_cast<double>(prediction.size()));
  if (truth.empty()) {
    return;
  }
  double sum = 0;
  for (std::size_t k = 0; k < truth.size(); ++k) {
    sum += std::abs(truth[k] - prediction[k]);
  }
  add_distance(set, sum / 2, radius_);
}

void CredalTally::add(CredalTally const& other) {
  for (std::size_t s = 0; s < sets_.size(); ++s) {
    auto const& of = other.sets_[s];
    sets_[s].rows += of.rows;
    sets_[s].samples += of.samples;
    sets_[s].covered += of.covered;
    sets_[s].width.add(of.width);
    sets_[s].distance.add(of.distance);
    sets_[s].max_distance = std::max(sets_[s].max_distance, of.max_distance);
  }
  if (other.failed_) {
    failed_ = std::min(failed_.value_or(*other.failed_), *other.failed_);
  }
}

void CredalTally::tell(Report& report) const {
  constexpr auto nothing = std::numeric_limits<double>::quiet_NaN();
  constexpr std::array names{"intervals", "hull", "ball"};
  report.truth_is_label = !sets_.empty() && !columns_.truth && columns_.labels;
  for (auto const& set : sets_) {
    CredalReport of;
    of.from = set.from;
    of.kind = names[static_cast<std::size_t>(set.kind)]; // NOLINT: as many as there are kinds
    of.samples = set.samples;
    of.covered = set.covered;
    bool const any = set.samples > 0;
    bool const distances = any && set.kind != Kind::intervals;
    of.coverage =
        any ? static_cast<double>(set.covered) / static_cast<double>(set.samples) : nothing;
    of.mean_width = set.width.mean(set.rows);
    of.efficiency = 1 - of.mean_width;
    of.mean_distance = distances ? set.distance.mean(set.samples) : nothing;
    of.max_distance = distances ? set.max_distance : nothing;
    report.credal.push_back(std::move(of));
  }
}

} // namespace fod::metrics
