#include "generate.hpp"

#include "batch.hpp"

#include "rows.hpp"
#include "together.hpp"

#include "fod/error.hpp"

#include <chrono>
#include <sstream>

namespace fod {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The work of one rank, block by block.
class Loop {
public:
  Loop(Prepared& job, LayerMoments* moments, store::ResultWriter& writer)
      : job_(job), config_(job.config), plan_(job.plan), moments_(moments), writer_(writer),
        runner_(job), rows_(job.plan.layout, writer), result_(job.plan.layout.classes) {}

  /// Goes on until the blocks are done or rank 0 asks to stop.
  void run(IndexRange blocks, Shift& shift) {
    auto const start = Clock::now();
    auto last_checkpoint = Clock::now();
    for (auto block = blocks.begin; block < blocks.end && !shift.stop_requested(); ++block) {
      run_block(block, shift);
      if (seconds_since(last_checkpoint) >= config_.checkpoint_interval) {
        writer_.checkpoint();
        last_checkpoint = Clock::now();
      }
    }
    result_.seconds = seconds_since(start);
    result_.micro_batch = runner_.micro_batch();
    note_memory();
  }

  [[nodiscard]] LoopResult take() { return std::move(result_); }

private:
  void run_block(std::int64_t block, Shift& shift) {
    auto const samples = plan_.layout.grid.samples_of(block);
    auto const size = plan_.layout.grid.batch_size();
    Checksum data;
    for (auto begin = samples.begin; begin < samples.end; begin += size) {
      if (shift.stop_requested()) {
        return; // the block stays unmarked
      }
      run_batch({begin, std::min(samples.end, begin + size)}, data);
      shift.report(std::min(samples.end, begin + size) - begin);
    }
    if (moments_ != nullptr) {
      moments_->end_block(block, runner_.stream());
    }
    rows_.flush();
    writer_.complete_block(block);
    result_.totals.add_input(block_digest(data, block));
    note_memory();
  }

  void run_batch(IndexRange samples, Checksum& data) {
    job_.inputs->fill(*job_.model, samples, data);
    auto const results =
        runner_.run(samples, moments_ == nullptr ? std::vector<float*>() : moments_->places());
    auto const unreadable = job_.inputs->dataset.unreadable(samples);
    mark_unreadable(results, samples, plan_.layout, unreadable);
    name(unreadable, result_.unreadable);
    look_at(results, samples);
    auto const labels = labels_of(samples);
    rows_.append(samples, results, labels.stored, kept_activations());
    result_.totals.add(results.joined, samples.size(), labels.classes);
    if (moments_ != nullptr) {
      moments_->add({samples, results.joined.mean, labels.classes}, *job_.watch, runner_.stream());
    }
  }

  /// Without distributions there are no classes that labels could be judged by.
  [[nodiscard]] BatchLabels labels_of(IndexRange samples) const {
    return config_.distributions ? job_.inputs->labels_of(samples, plan_.layout.classes)
                                 : BatchLabels{job_.inputs->stored_labels(samples), {}};
  }

  [[nodiscard]] std::vector<float const*> kept_activations() {
    std::vector<float const*> all;
    for (std::size_t i = 0; i < plan_.layout.activations.size(); ++i) {
      all.push_back(job_.watch->on_host(i).data());
    }
    return all;
  }

  /// Stops at a row that is no distribution; notes those that are not finite and goes on, so that
  /// all of them are counted.
  void look_at(BatchResults const& results, IndexRange samples) {
    auto const& view = results.joined.mean;
    for (std::int64_t i = 0; i < samples.size(); ++i) {
      auto const sample = samples.begin + i;
      if ((view.flags[i] & row_no_distribution) != 0) {
        throw no_distribution(sample, model_with_flag(results, i));
      }
      if ((view.flags[i] & row_nonfinite) != 0) {
        name({&sample, 1}, result_.nonfinite);
      }
    }
  }

  /// Appends samples to those that will be named, as long as there are not too many.
  static void name(std::span<std::int64_t const> samples, std::vector<std::int64_t>& named) {
    auto const room = LoopResult::most_named - named.size();
    auto const taken = samples.first(std::min(room, samples.size()));
    named.insert(named.end(), taken.begin(), taken.end());
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
  LayerMoments* moments_; ///< null without layers
  store::ResultWriter& writer_;
  BatchRunner runner_;
  RowBuffer rows_;
  LoopResult result_;
  Clock::time_point last_memory_;
};

} // namespace

LoopResult generate(Prepared& job, LayerMoments* moments, store::ResultWriter& writer,
                    Comm const& comm) {
  Loop loop(job, moments, writer);
  work_together(job, writer, comm,
                [&](Shift& shift) { loop.run(job.plan.blocks_of(comm.rank()), shift); });
  return loop.take();
}

std::vector<std::int64_t> first_named(std::vector<std::int64_t> const& own, Comm const& comm) {
  std::string words;
  for (auto const sample : own) {
    words += std::to_string(sample) + " ";
  }
  std::vector<std::int64_t> all; // in order, since ranks have contiguous runs of samples
  for (auto const& of_rank : comm.all_gather(words)) {
    std::istringstream stream(of_rank);
    for (std::int64_t sample = 0; all.size() < LoopResult::most_named && stream >> sample;) {
      all.push_back(sample);
    }
  }
  return all;
}

void require_finite(Config const& config, LoopResult const& result, store::ResultWriter& writer,
                    Comm const& comm) {
  auto const count = result.totals.nonfinite(); // of all ranks
  if (count == 0 || config.allow_nonfinite) {
    return;
  }
  auto const named = first_named(result.nonfinite, comm);
  std::string names;
  for (auto const sample : named) {
    names += (names.empty() ? "" : ", ") + std::to_string(sample);
  }
  names += std::ssize(named) < count ? ", …" : "";
  writer.suspend();
  throw AgreedError(run_failure(
      std::to_string(count) + (count == 1 ? " sample has" : " samples have") +
          " no finite output: " + names,
      "the model returned NaN or infinity",
      "look at these samples; --allow-nonfinite keeps such rows, marked in /row_status; progress "
      "is kept in " +
          store::partial_path(config.out)));
}

} // namespace fod
