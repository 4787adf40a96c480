#pragma once

#include "fod/config.hpp"
#include "fod/event_file.hpp"
#include "fod/group_activity.hpp"
#include "fod/sample_columns.hpp"
#include "fod/skill_rules.hpp"

#include <optional>

/// Learning events.
namespace fod {

class Comm;

/// What users say of the samples, by --categories or --texts, and --loss.
class Annotations {
public:
  /// @param samples of the dataset before --max-samples
  /// @throws Error (usage) for files that cannot be read or have not one entry per sample
  Annotations(LayerRequest const& request, std::int64_t samples);

  /// Of the categories; empty without any.
  [[nodiscard]] std::vector<std::string> const& names() const { return names_; }
  /// Indices among `names`, -1 for none.
  [[nodiscard]] std::vector<std::int32_t> categories(IndexRange samples) const;
  /// NaN where it is unknown.
  [[nodiscard]] std::vector<double> losses(IndexRange samples) const;

private:
  std::optional<SampleCategories> categories_;
  std::optional<SampleTexts> texts_;
  std::optional<events::SkillRules> rules_;
  std::optional<SampleNumbers> losses_;
  std::vector<std::string> names_;
};

/// Notes in which samples groups are active.
class EventRecorder : public ActivityRecorder {
public:
  EventRecorder(Annotations const& annotations, std::vector<store::LayerGroups> const& layers,
                IndexRange samples);

  void begin(IndexRange samples) override;
  void add(SampleActivity const& activity) override;
  void end_block() override;
  void save(h5::File& file) const override;
  void load(h5::File const& file) override;
  void save_loaded(h5::File& file) const override;

  /// Joins the logs of all ranks, and sets the groups' skills. Collective.
  void finish(std::vector<store::LayerGroups>& layers, Comm const& comm);
  /// Writes /events.
  void write(h5::File& file) const;
  /// "1,234 events, 1,000 kept", for the summary.
  [[nodiscard]] std::string summary() const;

private:
  Annotations const& annotations_;
  /// What was seen of a sample in a layer.
  struct Seen {
    std::size_t layer = 0;
    std::int64_t sample = 0;
    double mean = 0;
    double deviation = 0;
    std::int32_t category = -1;
    double loss = 0;
    std::size_t first_center = 0; ///< in `centers_`
    std::size_t groups = 0;
  };
  std::vector<Seen> block_; ///< the current one, which counts only once it is whole
  std::vector<float> centers_;
  events::EventLog log_;
  events::EventLog loaded_; ///< of earlier jobs, on rank 0
  store::EventNames names_;
  std::int64_t first_sample_ = 0; ///< of the batch
  std::vector<std::int32_t> categories_;
  std::vector<double> losses_;
};

} // namespace fod
