#pragma once

#include "fod/shard.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fod {
class Comm;
}

/// Learning events: the samples in which groups of neurons are active. All that is counted and
/// summed is exact, so neither the order of samples nor the ranks leave a trace.
namespace fod::events {

/// Equal parts of the range of samples, for how events are spread over it.
inline constexpr std::int64_t span_count = 10;
/// Events kept per layer.
inline constexpr std::int64_t default_keep = 1'000'000;

/// A group of neurons that is active in a sample.
struct Event {
  std::int64_t sample = 0;
  std::int32_t group = 0;     ///< within the layer
  std::int32_t category = -1; ///< of the sample; -1: none
  float strength = 0;         ///< how far the group's center lies above the mean of the sample's
                      ///< standardised activations in the layer, in their standard deviations
  float loss = 0; ///< of the sample; NaN if unknown

  /// Stronger events first, then by sample and group.
  [[nodiscard]] bool before(Event const& other) const;
};

/// What is known of a group's events, or of those of all groups of a layer. A figure without
/// anything to tell it from is NaN.
struct Figures {
  std::int64_t events = 0;
  std::vector<std::int64_t> by_category; ///< events per category, then those without one
  std::vector<std::int64_t> by_span;     ///< events per span of the range of samples
  double mean_strength = 0;
  double corr_loss = 0; ///< Pearson's, of strength and loss over the events with a known loss

  /// The most frequent category, the lowest among equals; -1 without an event that has one.
  [[nodiscard]] std::int32_t skill() const;
};

struct GroupFigures : Figures {
  double loss_active = 0;   ///< mean loss of the samples in which the group is active
  double loss_inactive = 0; ///< and of the others
};

/// All that is counted in a layer.
struct LayerFigures : Figures {
  std::int64_t samples = 0;                   ///< that were looked at
  std::vector<std::int64_t> category_samples; ///< samples per category, then those without one
  std::vector<std::int64_t> category_by_span; ///< events, (categories + 1, span_count)
  double mean_loss = 0;                       ///< of all samples with a known loss
  std::vector<GroupFigures> groups;
};

/// Looks at samples, one layer at a time, in any order. Keeps the strongest events of each layer
/// (among equals those of lower samples, then groups) and counts all. Strengths and losses count as
/// the float32 that are kept. Memory depends on `keep`, the groups and the categories alone.
class EventLog {
public:
  /// @param groups_per_layer one layer per entry
  /// @param categories number of categories of samples, 0 if they have none
  /// @param samples the range over which all ranks look, which is cut into spans
  /// @param keep events per layer
  EventLog(std::vector<std::int64_t> const& groups_per_layer, std::int64_t categories,
           IndexRange samples, std::int64_t keep = default_keep);
  EventLog(EventLog&& other) noexcept;
  EventLog& operator=(EventLog&& other) noexcept;
  EventLog(EventLog const&) = delete;
  EventLog& operator=(EventLog const&) = delete;
  ~EventLog();

  /// Looks at a sample in a layer, once for each. A group is active when its center is above
  /// mean + 0.5 deviation; its strength is (center - mean) / deviation. Without a deviation above
  /// 0, or with a number that is not finite, no group is.
  /// @param sample within the range
  /// @param centers by group, see PatternView
  /// @param category an index, or -1 for none
  /// @param loss not finite if unknown
  void add(std::size_t layer, std::int64_t sample, std::span<float const> centers, double mean,
           double deviation, std::int32_t category, double loss);

  /// Adds another log of the same layers, categories, range and `keep`, of other samples.
  /// @throws Error (failed) if it is of another kind
  void merge(EventLog const& other);
  /// The log as bytes: equal logs give equal bytes.
  [[nodiscard]] std::string serialise() const;
  /// Adds the log that `serialise` gave these bytes. @throws Error (failed) as above
  void merge(std::string_view bytes);

  [[nodiscard]] std::size_t layers() const;
  [[nodiscard]] std::int64_t groups(std::size_t layer) const;
  [[nodiscard]] std::int64_t categories() const { return categories_; }
  [[nodiscard]] IndexRange samples() const { return samples_; }
  [[nodiscard]] std::int64_t keep() const { return keep_; }
  /// All events of a layer, kept or not.
  [[nodiscard]] std::int64_t total(std::size_t layer) const;
  /// The events of a layer that are kept, in order. Valid until the log changes.
  [[nodiscard]] std::span<Event const> kept(std::size_t layer) const;
  [[nodiscard]] LayerFigures figures(std::size_t layer) const;

  struct Layer;

private:
  friend void reduce(EventLog& log, Comm const& comm);
  [[nodiscard]] std::vector<std::uint64_t> counts() const;
  void set_counts(std::span<std::uint64_t const> values);

  std::vector<Layer> layers_;
  std::int64_t categories_;
  IndexRange samples_;
  std::int64_t keep_;
};

/// Merges the logs of all ranks on every rank; each comes out the same. What travels does not grow
/// with the ranks: `keep` events per layer (and those as strong as the weakest of them).
/// Collective.
void reduce(EventLog& log, Comm const& comm);

} // namespace fod::events
