#pragma once

#include "prepare.hpp"

/// Inside of the pipeline: one batch through the model.
namespace fod {

/// Runs batches of a job on this rank.
class BatchRunner {
public:
  explicit BatchRunner(Prepared& job);

  /// Runs all members on the samples, which are in the model's inputs. The results are on the host,
  /// valid until the next call; without distributions they are flags alone.
  /// @param places where the activations of the layers go that are looked at; empty: anywhere
  /// @throws Error (failed) for outputs that differ from those of block 0
  BatchResults run(IndexRange samples, std::vector<float*> const& places = {});

  [[nodiscard]] StreamView stream() const { return stream_; }
  /// Samples at a time, fewer than a batch after memory ran out.
  [[nodiscard]] std::int64_t micro_batch() const { return micro_batch_; }

private:
  void announce_micro_batch(IndexRange samples);
  void require_same_output(ModelOutput const& output, ModelProbe const& known,
                           IndexRange samples) const;
  [[nodiscard]] BatchResults flags_alone();

  Prepared& job_;
  StreamView stream_;
  std::int64_t micro_batch_;
  std::vector<std::uint8_t> flags_; ///< without distributions, by row
};

/// Of the batch that was just run, on the host: the layers whose activations the file keeps.
std::vector<float const*> kept_activations(Prepared& job);

} // namespace fod
