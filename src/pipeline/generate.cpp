#include "generate.hpp"

#include "batch.hpp"
#include "batch_reader.hpp"
#include "refusals.hpp"
#include "row_writer.hpp"
#include "together.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace fod {

namespace {

using Clock = std::chrono::steady_clock;

/// The work of one rank: batches go in one after the other, and come out in the same order.
class Loop {
public:
  Loop(Prepared& job, KeptMoments const* moments, store::ResultWriter& writer, int rank)
      : job_(job), config_(job.config), plan_(job.plan), kept_(moments), rank_(rank), runner_(job),
        rows_(writer, job.plan.layout, writes_behind(job.machine)),
        clock_(job.config.checkpoint_interval) {}

  /// Goes on until the blocks are done or rank 0 asks to stop; what is done is saved then.
  void run(std::span<Todo const> todo, Shift& shift) {
    try {
      BatchReader reader(job_, todo, runner_.depth());
      run_batches(reader, shift);
      rows_.drain();
    } catch (...) {
      save_before_leaving();
      throw;
    }
    // Finding groups may take long, and a second pass longer.
    bool const worth_it =
        shift.stop_requested() || config_.groups.second_pass() || clock_.since() > worth_saving;
    if (kept_ != nullptr && worth_it) {
      checkpoint();
    }
    result_.micro_batch = runner_.micro_batch();
    note_memory();
  }

  [[nodiscard]] LoopResult take() { return result_; }

private:
  static constexpr double worth_saving = 5; ///< seconds of work

  void run_batches(BatchReader& reader, Shift& shift) {
    while (!shift.stop_requested() && start_next(reader, shift)) {
      if (under_way_ == runner_.depth()) {
        finish_oldest(reader, shift);
      }
    }
    finish_all(reader, shift);
    if (in_block_) {
      drop_block(); // it stays unmarked
    }
  }

  /// @return false if there is none left
  bool start_next(BatchReader& reader, Shift& shift) {
    try {
      auto const* batch = reader.next();
      if (batch == nullptr) {
        return false;
      }
      auto* const moments = moments_of(batch->todo);
      runner_.start(batch->samples, batch->slot,
                    moments == nullptr ? std::vector<float*>() : moments->places());
    } catch (...) {
      auto const failure = std::current_exception();
      finish_all(reader, shift); // if one of these fails, that is the one to be told of
      std::rethrow_exception(failure);
    }
    ++under_way_;
    return true;
  }

  void finish_all(BatchReader& reader, Shift& shift) {
    while (under_way_ > 0) {
      finish_oldest(reader, shift);
    }
  }

  void finish_oldest(BatchReader& reader, Shift& shift) {
    auto const& batch = reader.oldest();
    --under_way_;
    in_block_ = true;
    auto const results = runner_.finish();
    take(batch, results);
    shift.report(batch.samples.size());
    if (batch.ends_block) {
      end_block(batch);
      in_block_ = false;
      if (!shift.stop_requested() && clock_.due()) {
        clock_.run([&] { checkpoint(); });
      }
    }
    reader.release();
  }

  void take(ReadBatch const& batch, BatchResults const& results) {
    mark_unreadable(results, batch.samples, plan_.layout, batch.unreadable);
    refuse_others(job_, results, batch.samples);
    auto const labels = batch.labels();
    // Without distributions there are no classes that labels could be judged by.
    auto const classes =
        config_.distributions
            ? judge_labels(batch.samples, labels, job_.inputs->label_counts(), plan_.layout.classes)
            : std::vector<std::int64_t>();
    kept_activations(job_, activations_);
    rows_.append(batch.samples, results, labels, activations_);
    if (auto* const moments = moments_of(batch.todo)) {
      moments->add({batch.samples, results.joined.mean, classes}, *job_.watch, runner_.stream());
    }
  }

  void end_block(ReadBatch const& last) {
    rows_.complete_block(last.todo.block, {last.digest, runner_.micro_batch()});
    if (auto* const moments = moments_of(last.todo)) {
      rows_.drain();           // sums must not cover a block whose rows could not be written
      sums_are_whole_ = false; // until all layers have the block
      moments->end_block(last.todo.block, runner_.stream());
      sums_are_whole_ = true;
      summed_.push_back(last.todo.block);
    }
    note_memory();
  }

  /// Null if the block has its sums already.
  [[nodiscard]] LayerMoments* moments_of(Todo const& todo) const {
    return kept_ != nullptr && todo.sums ? &kept_->moments : nullptr;
  }

  void drop_block() {
    rows_.drop_block();
    if (kept_ != nullptr) {
      kept_->moments.drop_block();
    }
  }

  /// First the rows and their marks, then the sums: what sums cover must be there.
  void checkpoint() {
    rows_.checkpoint();
    if (kept_ != nullptr) {
      rows_.drain();
      save_sums();
    }
  }

  void save_sums() {
    if (kept_ != nullptr && saved_ < summed_.size()) {
      kept_->kept.save(rank_, store::runs_of(summed_),
                       [&](h5::File& file) { kept_->moments.save(file); });
      saved_ = summed_.size();
    }
  }

  /// This rank failed. What it did before is kept, if that is possible.
  void save_before_leaving() {
    try {
      bool const rows_are_saved = rows_.save_what_can_be();
      if (kept_ != nullptr) {
        kept_->moments.drop_block();
      }
      if (rows_are_saved && sums_are_whole_) {
        save_sums();
      }
    } catch (std::exception const&) {
      return; // the first failure is the one to be told of
    }
  }

  void note_memory() {
    if (auto const now = Clock::now(); now - last_memory_ > std::chrono::milliseconds(200)) {
      last_memory_ = now;
      result_.peak_anonymous = std::max(result_.peak_anonymous, anonymous_memory());
    }
  }

  Prepared& job_;
  Config const& config_;
  Plan const& plan_;
  KeptMoments const* kept_; ///< null without layers
  int rank_;
  BatchRunner runner_;
  RowWriter rows_;
  CheckpointClock clock_;
  LoopResult result_;
  std::size_t under_way_ = 0; ///< batches that were started and not finished
  bool in_block_ = false;     ///< of which some batches are finished, and not all
  std::vector<float const*> activations_;
  std::vector<std::int64_t> summed_; ///< blocks
  std::size_t saved_ = 0;            ///< of these
  bool sums_are_whole_ = true;
  Clock::time_point last_memory_;
};

} // namespace

LoopResult generate(Prepared& job, Work const& work, KeptMoments const* moments, Output& output,
                    Comm const& comm) {
  std::optional<Loop> loop;
  if (output.is_open()) {
    loop.emplace(job, moments, output.writer(), comm.rank());
  }
  work_together(job, work.samples, output, comm, [&](Shift& shift) {
    if (loop) {
      loop->run(work.mine, shift);
    }
  });
  return loop ? loop->take() : LoopResult{anonymous_memory(), job.config.batch_size};
}

} // namespace fod
