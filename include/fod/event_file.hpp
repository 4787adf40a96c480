#pragma once

#include "fod/events.hpp"
#include "fod/h5.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Learning events in the result file.
///
/// `/events/{sample,layer,group,strength,category,loss}`: a column each of the events that were
/// kept, ordered by layer, then strength (descending), sample and group: int64; int32 index into
/// the texts `/events/layers`; int64 group_id, unique over layers as in `/groups/<layer>/group_id`;
/// float32; int32 index into the texts `/events/categories`, -1 for none; float32, NaN if unknown.
/// Attributes of `/events`: `total` and `kept` events.
///
/// `/events/summary` is of all events. Attributes: `sample_begin`, `sample_end` (the range that the
/// spans divide), `spans`, `keep` (most events kept per layer). `C` is the number of categories;
/// column C is of samples without one.
/// - `layer/{samples,events}` int64 (L), `layer/{mean_strength,mean_loss,corr_loss}` float64 (L),
///   `layer/{category_samples,by_category}` int64 (L,C+1), `layer/by_span` int64 (L,spans),
///   `layer/category_by_span` int64 (L,(C+1)*spans)
/// - `group/{group_id,layer,events}` int64 (G), over the layers in order;
///   `group/{mean_strength,loss_active,loss_inactive,corr_loss}` float64 (G),
///   `group/by_category` int64 (G,C+1), `group/by_span` int64 (G,spans)
namespace fod::store {

/// What the indices of a log stand for.
struct EventNames {
  std::vector<std::string> layers;
  std::vector<std::int64_t> first_group_ids; ///< by layer
  std::vector<std::string> categories;
};

/// Writes `/events`.
void write_events(h5::File& file, events::EventLog const& log, EventNames const& names);

/// `/events` without the events themselves.
struct EventsSummary {
  EventNames names;
  IndexRange samples; ///< that the spans divide
  std::int64_t total = 0;
  std::int64_t kept = 0;
  std::int64_t keep = 0; ///< most per layer
  std::vector<events::LayerFigures> layers;
};

/// Nothing if the file has no events. @throws Error (usage) if they are damaged
std::optional<EventsSummary> read_events_summary(h5::File const& file);

} // namespace fod::store
