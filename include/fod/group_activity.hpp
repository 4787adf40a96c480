#pragma once

#include "fod/layer_groups.hpp"
#include "fod/patterns.hpp"
#include "fod/store.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

/// What groups do in each sample, once they are known.
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
  ActivityRecorder() = default;
  ActivityRecorder(ActivityRecorder const&) = delete;
  ActivityRecorder& operator=(ActivityRecorder const&) = delete;
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

/// The neurons of a layer's groups, with the signs of their loadings.
LayerPattern pattern_of(store::LayerGroups const& layer);

/// The sections with what groups do: `/groups/<layer>/group_center` of each layer with groups.
std::vector<store::Section> center_sections(std::vector<store::LayerGroups> const& layers);

/// What groups do in the rows of a batch, by layer.
struct LayerActivity {
  std::size_t layer = 0;
  PatternView view;
  std::span<std::uint8_t const> nonfinite; ///< by row: not 0 if an activation there is not finite
};

/// What is done with it: rows of the file, and a recorder's notes.
class ActivitySink {
public:
  /// @param writer of a file whose current ledger has the sections of `center_sections`; null if
  ///        no rows are to be written
  /// @param recorder may be null
  ActivitySink(std::vector<store::LayerGroups> const& layers, IndexRange samples_of_file,
               store::ResultWriter* writer, ActivityRecorder* recorder);

  /// A block follows. @param noted false if the recorder has it already
  void begin_block(bool noted) { noting_ = recorder_ != nullptr && noted; }
  /// A batch follows. @param flags by row: 0 if it counts
  void begin_batch(IndexRange samples, std::span<std::uint8_t const> flags);
  /// Takes one layer of the batch; rows that do not count become NaN in `view`.
  void take(LayerActivity const& activity);
  /// The block with these samples is whole.
  void end_block(std::int64_t block, IndexRange samples);

private:
  void write_rows(IndexRange samples);

  std::vector<store::LayerGroups> const& layers_;
  std::int64_t first_; ///< sample of the file
  store::ResultWriter* writer_;
  ActivityRecorder* recorder_;
  bool noting_ = false;
  IndexRange batch_;
  std::span<std::uint8_t const> flags_;
  std::vector<std::vector<float>> rows_; ///< by layer, (samples of the block, groups)
};

/// What groups do in samples whose activations were kept. Runs on the host, whatever the device of
/// the job, so that the same activations give the same bytes.
class KeptActivity {
public:
  /// @param samples_of_file whose rows `writer` reads
  /// @param most_rows of a batch
  KeptActivity(std::vector<store::LayerGroups> const& layers, IndexRange samples_of_file,
               std::int64_t most_rows, int threads);

  /// Reads a batch back from the file that is being written, and hands it on.
  void run(IndexRange samples, store::ResultWriter const& writer, ActivitySink& sink);

private:
  void find_nonfinite(std::size_t neurons);

  std::vector<store::LayerGroups> const& layers_;
  std::int64_t first_;
  std::vector<HostPatterns> patterns_;
  std::vector<std::uint8_t> flags_;     ///< by row
  std::vector<float> activations_;      ///< (rows, neurons)
  std::vector<std::uint8_t> nonfinite_; ///< by row
};

} // namespace fod
