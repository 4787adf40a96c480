#pragma once

#include "fod/event_file.hpp"

/// The figures in `/events/summary`, by name: written and read by one list.
namespace fod::store {

inline constexpr char const* summary_path = "/events/summary";

/// Calls `number(name, member)` and `counts(name, member)` for all that is known of a layer.
template <class Number, class Counts>
void for_layer_figures(Number number, Counts counts) {
  using Layer = events::LayerFigures;
  number("events", &Layer::events);
  number("samples", &Layer::samples);
  number("mean_strength", &Layer::mean_strength);
  number("mean_loss", &Layer::mean_loss);
  number("corr_loss", &Layer::corr_loss);
  counts("by_category", &Layer::by_category);
  counts("by_span", &Layer::by_span);
  counts("category_samples", &Layer::category_samples);
  counts("category_by_span", &Layer::category_by_span);
}

/// The same of a group.
template <class Number, class Counts>
void for_group_figures(Number number, Counts counts) {
  using Group = events::GroupFigures;
  number("events", &Group::events);
  number("mean_strength", &Group::mean_strength);
  number("loss_active", &Group::loss_active);
  number("loss_inactive", &Group::loss_inactive);
  number("corr_loss", &Group::corr_loss);
  counts("by_category", &Group::by_category);
  counts("by_span", &Group::by_span);
}

} // namespace fod::store
