#include "second_pass.hpp"

#include "batch.hpp"
#include "batch_reader.hpp"
#include "rows.hpp"
#include "together.hpp"

#include "fod/error.hpp"
#include "fod/group_patterns.hpp"

#include <algorithm>
#include <optional>

namespace fod {

namespace {

/// The pass on this rank.
class SecondPass {
public:
  SecondPass(Prepared& job, std::vector<store::LayerGroups> const& layers,
             store::ResultWriter& writer, ActivityRecorder* recorder, KeptSums const* kept,
             bool writes, int rank)
      : job_(job), writer_(writer), recorder_(recorder), kept_(kept), rank_(rank), runner_(job),
        clock_(job.config.checkpoint_interval),
        sink_(layers, job.plan.layout.samples(), writes ? &writer : nullptr, recorder) {
    auto const batch = job.config.batch_size;
    if (job.config.groups.keep_activations) {
      read_.emplace(layers, job.plan.layout.samples(), batch, job.machine.threads);
      return;
    }
    for (auto const& layer : layers) {
      patterns_.emplace_back(job.machine.device, pattern_of(layer), batch, job.machine.threads);
    }
  }

  void run(std::span<Todo const> todo, Shift& shift) {
    std::optional<BatchReader> reader;
    if (!read_) {
      reader.emplace(job_, todo, runner_.depth());
    }
    for (auto const& one : todo) {
      if (!run_block(one, reader ? &*reader : nullptr, shift)) {
        break; // what the recorder has of this block does not count
      }
      if (clock_.due()) {
        clock_.run([&] { checkpoint(); });
      }
    }
    if (shift.stop_requested()) {
      checkpoint();
    }
  }

private:
  /// @param reader null if activations are read instead
  /// @return false if it was stopped before the end of the block
  bool run_block(Todo const& todo, BatchReader* reader, Shift& shift) {
    auto const& grid = job_.plan.layout.grid;
    auto const samples = grid.samples_of(todo.block);
    sink_.begin_block(todo.sums);
    for (auto begin = samples.begin; begin < samples.end; begin += grid.batch_size()) {
      if (shift.stop_requested()) {
        return false;
      }
      IndexRange const batch{begin, std::min(samples.end, begin + grid.batch_size())};
      reader == nullptr ? read_->run(batch, writer_, sink_) : run_next(*reader);
      shift.report(batch.size());
    }
    if (reader != nullptr) {
      require_same_data(todo.block, samples);
    }
    sink_.end_block(todo.block, samples);
    if (recorder_ != nullptr && todo.sums) {
      noted_.push_back(todo.block);
    }
    return true;
  }

  void checkpoint() {
    writer_.checkpoint();
    if (kept_ != nullptr && saved_ < noted_.size()) {
      kept_->save(rank_, store::runs_of(noted_), [&](h5::File& file) { recorder_->save(file); });
      saved_ = noted_.size();
    }
  }

  /// The first pass has put a digest of the block's inputs on record.
  void require_same_data(std::int64_t block, IndexRange samples) const {
    std::uint64_t before = 0;
    auto const row = block - job_.plan.layout.blocks.begin;
    writer_.read("/ledger/inputs", {row, row + 1}, ElementType::uint64, &before);
    if (before != digest_) {
      throw run_failure("the data changed between the first and the second pass",
                        "samples " + std::to_string(samples.begin) + " to " +
                            std::to_string(samples.end) +
                            " were not the same when they were read again",
                        "give a dataset without chance in it, or spare the second pass by "
                        "--keep-activations");
    }
  }

  void run_next(BatchReader& reader) {
    auto const& batch = *reader.next(); // there is one: it goes through the same blocks
    auto const samples = batch.samples;
    runner_.start(samples, batch.slot);
    auto const results = runner_.finish();
    mark_unreadable(results, samples, job_.plan.layout, batch.unreadable);
    digest_ = batch.digest;
    reader.release();
    auto const* flags = results.joined.mean.flags;
    sink_.begin_batch(samples, {flags, static_cast<std::size_t>(samples.size())});
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      sink_.take({i, patterns_[i].run(job_.watch->rows(i), samples.size(), runner_.stream()),
                  job_.watch->nonfinite(i)});
    }
  }

  Prepared& job_;
  store::ResultWriter& writer_;
  ActivityRecorder* recorder_;
  KeptSums const* kept_; ///< of what is noted; null without a recorder
  int rank_;
  BatchRunner runner_;
  CheckpointClock clock_;
  ActivitySink sink_;
  std::optional<KeptActivity> read_;    ///< if activations were kept; else the model runs
  std::vector<GroupPatterns> patterns_; ///< by layer, where it does
  std::vector<std::int64_t> noted_;     ///< blocks
  std::size_t saved_ = 0;               ///< of these
  std::uint64_t digest_ = 0;            ///< of the data of the block that was run last
};

} // namespace

void second_pass(Prepared& job, std::vector<store::LayerGroups> const& layers, Output& output,
                 Comm const& comm, ActivityRecorder* recorder) {
  auto& writer = output.writer();
  auto const sections =
      job.config.groups.patterns ? center_sections(layers) : std::vector<store::Section>();
  bool const writes = !sections.empty();
  if (!writes && recorder == nullptr) {
    return; // there are no groups
  }
  writer.begin_second_pass(sections);
  KeptSums kept(job.out, "events", writer.creation());
  store::BlockRuns noted;
  if (recorder != nullptr) {
    noted = kept.begin(
        comm, [&](h5::File const& file) { recorder->load(file); },
        [&](h5::File& file) { recorder->save_loaded(file); });
  }
  auto const marked = writer.done_blocks();
  auto const& layout = job.plan.layout;
  auto const work =
      left_of(layout, writes ? &marked : nullptr, recorder == nullptr ? nullptr : &noted, comm);
  std::optional<SecondPass> pass;
  comm.agree([&] {
    pass.emplace(job, layers, writer, recorder, recorder == nullptr ? nullptr : &kept, writes,
                 comm.rank());
  });
  work_together(job, work.samples, output, comm,
                [&](Shift& shift) { pass->run(work.mine, shift); });
}

} // namespace fod
