#include "layer.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace fod::events {

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

double mean_of(ExactSum const& sum, std::int64_t count) {
  return count == 0 ? unknown : static_cast<double>(sum.value() / static_cast<long double>(count));
}

/// n * sum(x^2) - sum(x)^2 of exact sums; 0 where rounding is all there is.
long double spread_of(std::int64_t count, ExactSum const& sum, ExactSum const& squares) {
  auto const whole = static_cast<long double>(count) * squares.value();
  auto const spread = whole - sum.value() * sum.value();
  return spread > std::ldexp(whole, -58) ? spread : 0;
}

double correlation_of(GroupSums const& sums) {
  auto const strength = spread_of(sums.known, sums.known_strength, sums.strength_squared);
  auto const loss = spread_of(sums.known, sums.loss, sums.loss_squared);
  if (!(strength > 0 && loss > 0)) {
    return unknown;
  }
  auto const together = static_cast<long double>(sums.known) * sums.product.value() -
                        sums.known_strength.value() * sums.loss.value();
  auto const r = together / (std::sqrt(strength) * std::sqrt(loss));
  return static_cast<double>(std::clamp(r, -1.0L, 1.0L));
}

void add_counts(std::vector<std::int64_t>& to, std::vector<std::int64_t> const& from) {
  to.resize(from.size());
  std::transform(from.begin(), from.end(), to.begin(), to.begin(), std::plus<>());
}

} // namespace

std::int32_t Figures::skill() const {
  if (by_category.size() < 2) {
    return -1; // there are no categories
  }
  auto const most = std::max_element(by_category.begin(), by_category.end() - 1);
  return *most == 0 ? -1 : static_cast<std::int32_t>(most - by_category.begin());
}

void GroupSums::add(Event const& event, std::int64_t span) {
  ++events;
  ++(event.category < 0 ? by_category.back()
                        : by_category[static_cast<std::size_t>(event.category)]);
  ++by_span[static_cast<std::size_t>(span)];
  auto const s = static_cast<double>(event.strength);
  auto const l = static_cast<double>(event.loss);
  strength.add(s);
  if (!std::isnan(l)) {
    ++known;
    known_strength.add(s);
    strength_squared.add(s * s);
    loss.add(l);
    loss_squared.add(l * l);
    product.add(s * l);
  }
}

void GroupSums::add(GroupSums const& other) {
  events += other.events;
  known += other.known;
  add_counts(by_category, other.by_category);
  add_counts(by_span, other.by_span);
  strength.add(other.strength);
  known_strength.add(other.known_strength);
  strength_squared.add(other.strength_squared);
  loss.add(other.loss);
  loss_squared.add(other.loss_squared);
  product.add(other.product);
}

Figures GroupSums::figures() const {
  return {events, by_category, by_span, mean_of(strength, events), correlation_of(*this)};
}

LayerCounts::LayerCounts(std::int64_t group_count, std::int64_t categories)
    : category_samples(static_cast<std::size_t>(categories) + 1),
      category_by_span(category_samples.size() * static_cast<std::size_t>(span_count)),
      groups(static_cast<std::size_t>(group_count)) {
  for (auto& group : groups) {
    group.by_category.resize(category_samples.size());
    group.by_span.resize(static_cast<std::size_t>(span_count));
  }
}

void LayerCounts::canonicalise() {
  loss.canonicalise();
  for (auto& group : groups) {
    group.for_sums([](ExactSum& sum) { sum.canonicalise(); });
  }
}

LayerFigures LayerCounts::figures() const {
  LayerFigures all;
  GroupSums together;
  together.by_category.resize(category_samples.size());
  together.by_span.resize(static_cast<std::size_t>(span_count));
  for (auto const& group : groups) {
    together.add(group);
    auto inactive = loss;
    inactive.subtract(group.loss);
    all.groups.push_back({group.figures(), mean_of(group.loss, group.known),
                          mean_of(inactive, known - group.known)});
  }
  static_cast<Figures&>(all) = together.figures();
  all.samples = samples;
  all.category_samples = category_samples;
  all.category_by_span = category_by_span;
  all.mean_loss = mean_of(loss, known);
  return all;
}

} // namespace fod::events
