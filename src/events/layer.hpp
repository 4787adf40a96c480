#pragma once

#include "exact_sum.hpp"

#include "fod/events.hpp"

namespace fod::events {

/// All that is summed over the events of a group.
struct GroupSums {
  std::int64_t events = 0;
  std::int64_t known = 0;                ///< events with a known loss
  std::vector<std::int64_t> by_category; ///< and without one
  std::vector<std::int64_t> by_span;
  ExactSum strength;
  // Over the events with a known loss. Factors are float32, so products are exact.
  ExactSum known_strength;
  ExactSum strength_squared;
  ExactSum loss;
  ExactSum loss_squared;
  ExactSum product;

  void add(Event const& event, std::int64_t span);
  void add(GroupSums const& other);
  [[nodiscard]] Figures figures() const;

  template <class Visit>
  void for_integers(Visit visit) {
    visit(events);
    visit(known);
    for (auto* const counts : {&by_category, &by_span}) {
      for (auto& count : *counts) {
        visit(count);
      }
    }
    for_sums([&](ExactSum& sum) { sum.for_digits(visit); });
  }
  template <class Visit>
  void for_sums(Visit visit) {
    for (auto* const sum :
         {&strength, &known_strength, &strength_squared, &loss, &loss_squared, &product}) {
      visit(*sum);
    }
  }
};

/// The strongest events that were offered.
class Strongest {
public:
  explicit Strongest(std::int64_t keep);
  void offer(Event const& event);
  /// In order. Sorts what came since the last call.
  [[nodiscard]] std::vector<Event> const& sorted() const;
  [[nodiscard]] std::vector<Event> const& unsorted() const { return events_; }
  /// Takes all out.
  std::vector<Event> release();

private:
  void trim();

  std::size_t keep_;
  std::size_t room_; ///< events are trimmed when there are so many
  bool cut_ = false; ///< some were left out: only events before `weakest_` can still be kept
  Event weakest_;
  // Sorting changes nothing that can be seen from outside.
  mutable std::vector<Event> events_;
  mutable bool is_sorted_ = true;
};

/// All that is counted in a layer.
struct LayerCounts {
  std::int64_t samples = 0;
  std::int64_t known = 0; ///< samples with a known loss
  ExactSum loss;
  std::vector<std::int64_t> category_samples;
  std::vector<std::int64_t> category_by_span;
  std::vector<GroupSums> groups;

  LayerCounts(std::int64_t group_count, std::int64_t categories);
  void canonicalise();
  [[nodiscard]] LayerFigures figures() const;

  template <class Visit>
  void for_integers(Visit visit) {
    visit(samples);
    visit(known);
    loss.for_digits(visit);
    for (auto* const counts : {&category_samples, &category_by_span}) {
      for (auto& count : *counts) {
        visit(count);
      }
    }
    for (auto& group : groups) {
      group.for_integers(visit);
    }
  }
};

struct EventLog::Layer {
  LayerCounts counts;
  Strongest strongest;
};

} // namespace fod::events
