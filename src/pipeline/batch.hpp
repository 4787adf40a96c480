#pragma once

#include "prepare.hpp"

/// Inside of the pipeline: one batch through the model.
namespace fod {

/// Runs batches of a job on this rank, on a GPU one while the results of the one before come back.
class BatchRunner {
public:
  explicit BatchRunner(Prepared& job);

  /// Batches that may be started and not finished. With layers it is one, since all batches have
  /// their activations in the same place.
  [[nodiscard]] std::size_t depth() const { return under_way_.size(); }
  /// Queues all members on the samples, which are in a slot of the model's inputs.
  /// @param places where the activations of the layers go that are looked at; empty: anywhere
  /// @throws Error (failed) for outputs that differ from those of block 0; nothing is started then
  void start(IndexRange samples, std::size_t slot, std::vector<float*> const& places = {});
  /// Waits for the oldest batch that was started. The results are on the host, valid until the
  /// batch `depth` after it is started; without distributions they are flags alone.
  BatchResults finish();
  /// Both, on the first slot.
  BatchResults run(IndexRange samples, std::vector<float*> const& places = {}) {
    start(samples, 0, places);
    return finish();
  }

  [[nodiscard]] StreamView stream() const { return stream_; }
  /// Samples at a time in the batch that was finished last, fewer than a batch after memory ran
  /// out.
  [[nodiscard]] std::int64_t micro_batch() const { return finished_micro_batch_; }

private:
  /// A batch between `start` and `finish`.
  struct UnderWay {
    IndexRange samples;
    std::int64_t micro_batch = 0;
    std::vector<ModelOutput> outputs; ///< are read by what is queued
  };
  void announce_micro_batch(IndexRange samples);
  void require_same_output(ModelOutput const& output, ModelProbe const& known,
                           IndexRange samples) const;
  [[nodiscard]] BatchResults flags_alone();

  Prepared& job_;
  StreamView stream_;
  std::int64_t micro_batch_; ///< of the batch that was started last
  std::int64_t finished_micro_batch_;
  std::vector<UnderWay> under_way_; ///< in turn
  std::size_t started_ = 0;         ///< batches
  std::size_t finished_ = 0;        ///< of these
  std::vector<std::uint8_t> flags_; ///< without distributions, by row
};

/// Batches that a job has under way at a time.
std::size_t batches_under_way(Model const& model, LayerWatch const* watch);

/// Of the batch that was just run, on the host: the layers whose activations the file keeps.
void kept_activations(Prepared& job, std::vector<float const*>& all);

} // namespace fod
