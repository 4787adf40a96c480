#pragma once

#include "machine.hpp"
#include "probe.hpp"

#include "fod/epilogue.hpp"
#include "fod/store.hpp"

#include <algorithm>

/// Inside of the pipeline: what will be done, before anything is written.
namespace fod {

struct Plan {
  store::Layout layout;  ///< of the file; with --shards of this rank's once the plan is settled
  IndexRange job_blocks; ///< of all ranks together
  ProbeResult probe;
  std::vector<std::string> sources; ///< what is to say of them beyond their sizes
  std::vector<double> weights;      ///< of the members, summing to 1
  std::vector<HostStep> steps;      ///< of --transform, the user's own
  GroupPlan groups;                 ///< empty without --layers
  std::int64_t model_bytes = 0;     ///< parameters and buffers
  std::int64_t batch_bytes = 0;     ///< inputs of one batch
  std::size_t under_way = 1;        ///< batches at a time
  std::vector<IndexRange> shards;   ///< samples of each rank

  /// Of what a batch leaves behind.
  [[nodiscard]] EpilogueShape epilogue_shape() const {
    return {layout.grid.batch_size(), std::max<std::int64_t>(1, layout.classes), weights,
            layout.keep_logits};
  }
  /// Samples of all ranks together.
  [[nodiscard]] IndexRange job_samples() const { return layout.grid.samples_of(job_blocks); }
  /// Makes the layout that of a rank's own file.
  void take_shard(int rank) {
    layout.shard = rank;
    layout.shards = std::ssize(shards);
    layout.blocks = shard_of(job_blocks, layout.shards, rank);
  }
};

/// Cuts the dataset into blocks and the blocks into shards.
Plan make_plan(Config const& config, Inputs const& inputs, Model const& model,
               ProbeResult const& probe, LayerWatch const* watch, Comm const& comm);

/// Bytes of the JSON form, nearly: digits of a float32 widened to float64.
std::int64_t estimated_json_bytes(Plan const& plan);

/// @throws Error (usage) if the file system of the output has not enough room
void require_space(Config const& config, Plan const& plan, Machine const& machine);

/// What `--dry-run` prints.
std::string describe(Config const& config, Plan const& plan, Inputs const& inputs,
                     Machine const& machine);

/// "uint8 data is given to the model as float32", for each input where the types differ.
std::vector<std::string> conversions(Inputs const& inputs, ProbeResult const& probe);

} // namespace fod
