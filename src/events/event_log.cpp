#include "layer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fod::events {

namespace {

/// How far above the mean of its sample, in standard deviations, a group is active.
constexpr double active_above = 0.5;

float to_float(double value) {
  constexpr double most = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -most, most));
}

/// Place of a category's counts: those of samples without one come last.
std::size_t slot(std::int32_t category, std::int64_t categories) {
  return static_cast<std::size_t>(category < 0 ? categories : category);
}

} // namespace

EventLog::EventLog(std::vector<std::int64_t> const& groups_per_layer, std::int64_t categories,
                   IndexRange samples, std::int64_t keep)
    : categories_(categories), samples_(samples), keep_(keep) {
  for (auto const groups : groups_per_layer) {
    layers_.push_back({LayerCounts(groups, categories), Strongest(keep)});
  }
}

EventLog::EventLog(EventLog&& other) noexcept = default;
EventLog& EventLog::operator=(EventLog&& other) noexcept = default;
EventLog::~EventLog() = default;

void EventLog::add(std::size_t layer, std::int64_t sample, std::span<float const> centers,
                   double mean, double deviation, std::int32_t category, double loss) {
  auto& at = layers_[layer].counts;
  auto const span = (sample - samples_.begin) * span_count / samples_.size();
  auto const known_loss =
      std::isfinite(loss) ? to_float(loss) : std::numeric_limits<float>::quiet_NaN();
  ++at.samples;
  ++at.category_samples[slot(category, categories_)];
  if (std::isfinite(loss)) {
    ++at.known;
    at.loss.add(static_cast<double>(known_loss));
  }
  bool const usable = std::isfinite(mean) && std::isfinite(deviation) && deviation > 0;
  for (std::size_t g = 0; usable && g < centers.size(); ++g) {
    auto const center = static_cast<double>(centers[g]);
    if (!std::isfinite(center) || center <= mean + active_above * deviation) {
      continue;
    }
    Event const event{sample, static_cast<std::int32_t>(g), category,
                      to_float((center - mean) / deviation), known_loss};
    at.groups[g].add(event, span);
    ++at.category_by_span[slot(category, categories_) * span_count +
                          static_cast<std::size_t>(span)];
    layers_[layer].strongest.offer(event);
  }
}

std::size_t EventLog::layers() const {
  return layers_.size();
}

std::int64_t EventLog::groups(std::size_t layer) const {
  return std::ssize(layers_[layer].counts.groups);
}

std::int64_t EventLog::total(std::size_t layer) const {
  std::int64_t sum = 0;
  for (auto const& group : layers_[layer].counts.groups) {
    sum += group.events;
  }
  return sum;
}

std::span<Event const> EventLog::kept(std::size_t layer) const {
  return layers_[layer].strongest.sorted();
}

LayerFigures EventLog::figures(std::size_t layer) const {
  return layers_[layer].counts.figures();
}

} // namespace fod::events
