#pragma once

#include "watch.hpp"

#include "fod/epilogue.hpp"
#include "fod/h5.hpp"
#include "fod/moment_accumulator.hpp"

/// Inside of the pipeline: from activations to moments.
namespace fod {

/// What is settled about the layers before the loop, the same on all ranks.
struct GroupPlan {
  std::vector<WatchedLayer> layers;
  std::vector<MomentScale> scales; ///< by layer
  BlockGrid grid;
  std::int64_t appended = 0; ///< entropy, confidence, and with labels error; none without
                             ///< distributions
  std::int64_t classes = 0;  ///< of the means per class; 0: none
  std::string class_by;      ///< "label", "prediction", or empty

  [[nodiscard]] bool empty() const { return layers.empty(); }
  [[nodiscard]] MomentShape shape_of(std::size_t layer) const;
};

/// What belongs to the samples of a batch beside their activations.
struct SampleFacts {
  IndexRange samples;
  EpilogueView rows;                     ///< `distributions` is null without
  std::span<std::int64_t const> classes; ///< by label; empty without labels
};

/// Columns that go with a sample's activations.
std::int64_t appended_columns(Config const& config, bool labels);

/// Names the sample and layer of an activation that is NaN or infinite.
/// @param code usage at the probe
Error nonfinite_activation(WatchedLayer const& layer, std::int64_t sample);

/// The shift and scale of each layer, from the activations of block 0.
class ScaleProbe {
public:
  explicit ScaleProbe(LayerWatch& watch) : watch_(watch), values_(watch.layers().size()) {}

  /// Takes the batch that was just run.
  /// @param unreadable samples of it that do not count
  /// @throws Error if a sample that counts has an activation that is not finite
  void add(IndexRange samples, std::span<std::int64_t const> unreadable, bool allow_nonfinite);
  [[nodiscard]] std::vector<MomentScale> scales(BlockGrid const& grid, std::int64_t appended) const;

private:
  LayerWatch& watch_;
  std::vector<std::vector<float>> values_; ///< by layer, (rows, neurons)
};

/// Samples that do not count, or not in full.
struct LeftOut {
  explicit LeftOut(std::size_t layers) : samples(layers) {}
  void add(LeftOut const& other);

  std::int64_t unlabelled = 0;       ///< without an error, since the label is not known
  std::vector<std::int64_t> samples; ///< by layer: an activation was not finite
};

/// The moments of all layers on this rank.
class LayerMoments {
public:
  LayerMoments(GroupPlan const& plan, Machine const& machine, bool allow_nonfinite);

  /// Where the activations of the next batch are to go, by layer.
  [[nodiscard]] std::vector<float*> places() const;
  /// Takes the batch that was just run.
  /// @throws Error (failed) if a sample that counts has an activation that is not finite
  void add(SampleFacts const& facts, LayerWatch const& watch, StreamView stream);
  void end_block(std::int64_t block, StreamView stream);
  /// Forgets the batches since the last `end_block`.
  void drop_block();

  /// Writes the sums over the blocks so far, for a job that goes on with them. Between blocks only.
  void save(h5::File& file);
  /// Path of a file as `save` writes it, whose sums count too; empty: none.
  void set_base(std::string path) { base_ = std::move(path); }

  /// Rank that works on a layer's moments after they are summed.
  static int owner_of(std::size_t layer, Comm const& comm) {
    return static_cast<int>(layer) % comm.size();
  }
  /// Sums over ranks. Collective. The moments of each layer: of all on rank 0, on others those of
  /// their own layers, of the rest nothing. Once.
  [[nodiscard]] std::vector<Moments> reduce(Comm const& comm, Machine const& machine);
  /// After that: samples whose label is unknown, so that they have no error.
  [[nodiscard]] std::int64_t unlabelled() const { return left_out_.unlabelled; }
  /// After that: samples left out since an activation was not finite, by layer.
  [[nodiscard]] std::vector<std::int64_t> const& left_out() const { return left_out_.samples; }

private:
  void describe_rows(SampleFacts const& facts);

  GroupPlan const& plan_;
  bool allow_nonfinite_;
  std::vector<MomentAccumulator> accumulators_;
  std::vector<std::uint8_t> counts_; ///< by row of the batch
  std::vector<std::uint8_t> layer_counts_;
  std::vector<float> appended_;
  std::vector<std::int32_t> classes_;
  LeftOut left_out_;
  LeftOut of_block_; ///< of the current one
  std::string base_;
  StreamView stream_;
};

/// Of the sums that earlier jobs left, as `LayerMoments::save` wrote them.
class SavedMoments {
public:
  explicit SavedMoments(GroupPlan const& plan) : plan_(plan), left_out_(plan.layers.size()) {}

  /// Adds those of a file. @throws Error if they are damaged; then nothing was added
  void add(h5::File const& file);
  /// Writes all together.
  void write(h5::File& file) const;

private:
  GroupPlan const& plan_;
  std::vector<Moments> sums_; ///< by layer; empty before the first file
  LeftOut left_out_;
};

/// Bytes that the moments of a plan take on each rank at most.
std::int64_t moment_bytes(GroupPlan const& plan, Machine const& machine);

/// @throws Error (usage) with numbers if the moments of the layers do not fit into memory
void require_memory(GroupPlan const& plan, Machine const& machine);

} // namespace fod
