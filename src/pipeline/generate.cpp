#include "generate.hpp"

#include "batch.hpp"

#include "rows.hpp"
#include "together.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <chrono>

namespace fod {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The work of one rank, block by block.
class Loop {
public:
  Loop(Prepared& job, KeptMoments const* moments, store::ResultWriter& writer, int rank)
      : job_(job), config_(job.config), plan_(job.plan), kept_(moments), writer_(writer),
        rank_(rank), runner_(job),
        rows_(job.plan.layout, [&writer](std::size_t section, IndexRange rows,
                                         void const* data) { writer.write(section, rows, data); }),
        clock_(job.config.checkpoint_interval) {}

  /// Goes on until the blocks are done or rank 0 asks to stop; what is done is saved then.
  void run(std::span<Todo const> todo, Shift& shift) {
    auto const start = Clock::now();
    for (auto const& one : todo) {
      try {
        run_block(one, shift);
      } catch (...) {
        save_before_leaving();
        throw;
      }
      if (shift.stop_requested()) {
        break;
      }
      if (clock_.due()) {
        clock_.run([&] { checkpoint(); });
      }
    }
    // Finding groups may take long, and a second pass longer.
    bool const worth_it =
        shift.stop_requested() || config_.groups.second_pass() || clock_.since() > worth_saving;
    if (kept_ != nullptr && worth_it) {
      checkpoint();
    }
    result_.seconds = seconds_since(start);
    result_.micro_batch = runner_.micro_batch();
    note_memory();
  }

  [[nodiscard]] LoopResult take() { return result_; }

private:
  static constexpr double worth_saving = 5; ///< seconds of work

  void run_block(Todo const& todo, Shift& shift) {
    auto const samples = plan_.layout.grid.samples_of(todo.block);
    auto const size = plan_.layout.grid.batch_size();
    Checksum data;
    moments_ = kept_ != nullptr && todo.sums ? &kept_->moments : nullptr;
    for (auto begin = samples.begin; begin < samples.end; begin += size) {
      if (shift.stop_requested()) {
        drop_block();
        return; // the block stays unmarked
      }
      run_batch({begin, std::min(samples.end, begin + size)}, data);
      shift.report(std::min(samples.end, begin + size) - begin);
    }
    rows_.flush(); // before the sums, which must not cover a block whose rows could not be written
    writer_.complete_block(todo.block, {block_digest(data, todo.block), runner_.micro_batch()});
    if (moments_ != nullptr) {
      sums_are_whole_ = false; // until all layers have the block
      moments_->end_block(todo.block, runner_.stream());
      sums_are_whole_ = true;
      summed_.push_back(todo.block);
    }
    note_memory();
  }

  void drop_block() {
    rows_.drop();
    writer_.drop_block();
    if (kept_ != nullptr) {
      kept_->moments.drop_block();
    }
  }

  /// First the rows and their marks, then the sums: what sums cover must be there.
  void checkpoint() {
    writer_.checkpoint();
    if (kept_ != nullptr && saved_ < summed_.size()) {
      kept_->kept.save(rank_, store::runs_of(summed_),
                       [&](h5::File& file) { kept_->moments.save(file); });
      saved_ = summed_.size();
    }
  }

  /// This rank failed. What it did before is kept, if that is possible.
  void save_before_leaving() {
    try {
      drop_block();
      if (sums_are_whole_) {
        checkpoint();
      }
    } catch (std::exception const&) {
      return; // the first failure is the one to be told of
    }
  }

  void run_batch(IndexRange samples, Checksum& data) {
    job_.inputs->fill(*job_.model, samples, data);
    auto const results =
        runner_.run(samples, moments_ == nullptr ? std::vector<float*>() : moments_->places());
    auto const unreadable = job_.inputs->dataset.unreadable(samples);
    mark_unreadable(results, samples, plan_.layout, unreadable);
    refuse_others(results, samples);
    auto const labels = labels_of(samples);
    rows_.append(samples, results, labels.stored, kept_activations(job_));
    if (moments_ != nullptr) {
      moments_->add({samples, results.joined.mean, labels.classes}, *job_.watch, runner_.stream());
    }
  }

  /// Without distributions there are no classes that labels could be judged by.
  [[nodiscard]] BatchLabels labels_of(IndexRange samples) const {
    return config_.distributions ? job_.inputs->labels_of(samples, plan_.layout.classes)
                                 : BatchLabels{job_.inputs->stored_labels(samples), {}};
  }

  /// Stops at a row that is no distribution. Those that are not finite are written, so that all of
  /// them are counted.
  void refuse_others(BatchResults const& results, IndexRange samples) const {
    for (std::int64_t i = 0; i < samples.size(); ++i) {
      if ((results.joined.mean.flags[i] & row_no_distribution) != 0) {
        throw no_distribution(samples.begin + i, model_with_flag(results, i));
      }
    }
  }

  /// The first model whose row is no distribution.
  [[nodiscard]] std::size_t model_with_flag(BatchResults const& results, std::int64_t row) const {
    for (std::int64_t member = 0; member < plan_.layout.members; ++member) {
      auto const flags = results.members.flags[member * results.member_rows + row];
      if ((flags & row_no_distribution) != 0) {
        return job_.model->model_of(static_cast<std::size_t>(member));
      }
    }
    return 0;
  }

  [[nodiscard]] Error no_distribution(std::int64_t sample, std::size_t model) const {
    auto const& known = plan_.probe.models[model];
    auto const name = "sample " + std::to_string(sample) +
                      (job_.model->model_count() > 1 ? " of " + config_.models[model] : "");
    if (known.mode == OutputMode::probs || known.mode == OutputMode::positive) {
      return run_failure(name + " has no probabilities",
                         "the output mode is " + std::string(name_of(known.mode)) + " (" +
                             known.evidence +
                             "), but its row is outside [0, 1] or does not sum to 1",
                         "say --output-mode logits, or mend the model");
    }
    return run_failure(name + " has no distribution any more",
                       "after --transform its row is outside [0, 1] or does not sum to 1",
                       "look at the transforms");
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
  store::ResultWriter& writer_;
  int rank_;
  BatchRunner runner_;
  RowBuffer rows_;
  CheckpointClock clock_;
  LoopResult result_;
  LayerMoments* moments_ = nullptr;  ///< null if the current block has its sums already
  std::vector<std::int64_t> summed_; ///< blocks
  std::size_t saved_ = 0;            ///< of these
  bool sums_are_whole_ = true;
  Clock::time_point last_memory_;
};

} // namespace

LoopResult generate(Prepared& job, Work const& work, KeptMoments const* moments,
                    store::ResultWriter& writer, Comm const& comm) {
  Loop loop(job, moments, writer, comm.rank());
  work_together(job, work.samples, writer, comm, [&](Shift& shift) { loop.run(work.mine, shift); });
  return loop.take();
}

} // namespace fod
