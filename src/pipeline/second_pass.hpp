#pragma once

#include "prepare.hpp"
#include "work.hpp"

#include "fod/layer_groups.hpp"

/// Inside of the pipeline: what needs the groups, and so a second look at every sample.
namespace fod {

/// What a layer's groups do in one sample.
struct SampleActivity {
  std::size_t layer = 0;
  std::int64_t sample = 0;
  std::span<float const> centers; ///< by group: mean standardised activation of its neurons
  double mean = 0;                ///< of the standardised activations of the layer's live neurons
  double deviation = 0;           ///< their standard deviation
};

/// Takes note of what groups do.
class ActivityRecorder {
public:
  virtual ~ActivityRecorder() = default;
  /// The samples of a batch follow.
  virtual void begin(IndexRange samples) = 0;
  /// One sample that counts, in one layer.
  virtual void add(SampleActivity const& activity) = 0;
  /// All samples of a block were there; those since the last call count only now.
  virtual void end_block() = 0;
  /// Writes what was noted on this rank, and reads what other jobs wrote so before.
  virtual void save(h5::File& file) const = 0;
  virtual void load(h5::File const& file) = 0;
  /// Writes all that was read.
  virtual void save_loaded(h5::File& file) const = 0;
};

/// Goes through the samples again: the model runs, or the kept activations are read. Writes
/// /groups/<layer>/group_center if --group-patterns asks for it. What an earlier job did of it is
/// not done again. Collective.
/// @param recorder may be null
/// @throws AgreedError if any rank failed; the file is suspended then
void second_pass(Prepared& job, std::vector<store::LayerGroups> const& layers,
                 store::ResultWriter& writer, Comm const& comm, ActivityRecorder* recorder);

} // namespace fod
