#include "generate.hpp"

#include "progress.hpp"
#include "rows.hpp"

#include "fod/error.hpp"

#include <chrono>
#include <iostream>
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
  Loop(Config const& config, Plan const& plan, Inputs const& inputs, Model& model,
       Machine const& machine, Epilogue& epilogue, store::ResultWriter& writer,
       ControlChannel& channel, Progress* progress)
      : config_(config), plan_(plan), inputs_(inputs), model_(model), writer_(writer),
        channel_(channel), progress_(progress), rank_(machine.rank), epilogue_(epilogue),
        rows_(plan.layout, writer), result_(plan.layout.classes) {
    result_.micro_batch = config.batch_size;
  }

  /// Goes on until the blocks are done or rank 0 asks to stop.
  void run(IndexRange blocks) {
    auto last_checkpoint = Clock::now();
    for (auto block = blocks.begin; block < blocks.end && !channel_.stop_requested(); ++block) {
      run_block(block);
      if (seconds_since(last_checkpoint) >= config_.checkpoint_interval) {
        writer_.checkpoint();
        last_checkpoint = Clock::now();
      }
    }
    result_.seconds = seconds_since(start_);
    note_memory();
  }

  [[nodiscard]] std::int64_t done() const { return done_; }
  [[nodiscard]] LoopResult take() { return std::move(result_); }

private:
  void run_block(std::int64_t block) {
    auto const samples = plan_.layout.grid.samples_of(block);
    auto const size = plan_.layout.grid.batch_size();
    Checksum data;
    for (auto begin = samples.begin; begin < samples.end; begin += size) {
      if (channel_.stop_requested()) {
        return; // the block stays unmarked
      }
      run_batch({begin, std::min(samples.end, begin + size)}, data);
    }
    rows_.flush();
    writer_.complete_block(block);
    result_.totals.add_input(checksum_of(checksum_text(data.digest()) + std::to_string(block)));
    note_memory();
  }

  void run_batch(IndexRange samples, Checksum& data) {
    inputs_.fill(model_, samples, data);
    auto const results = run_members(samples);
    auto const unreadable = inputs_.dataset.unreadable(samples);
    mark_unreadable(results, samples, plan_.layout, unreadable);
    name(unreadable, result_.unreadable);
    look_at(results, samples);
    auto const labels = inputs_.labels_of(samples, plan_.layout.classes);
    rows_.append(samples, results, labels.stored);
    result_.totals.add(results.joined, samples.size(), labels.classes);
    done_ += samples.size();
    channel_.report(done_);
    if (progress_ != nullptr) {
      progress_->show(channel_.total_done());
    }
  }

  BatchResults run_members(IndexRange samples) {
    model_.begin_batch(samples.begin);
    StreamView stream;
    std::vector<ModelOutput> outputs; // a plugin's memory may be used again as soon as it is freed
    for (std::size_t member = 0; member < model_.member_count(); ++member) {
      auto const output = forward(model_, member, samples);
      auto const& known = plan_.probe.models[model_.model_of(member)];
      require_same_output(output, known, samples);
      epilogue_.add(static_cast<std::int64_t>(member), output.values,
                    known.epilogue(samples.size()), output.stream);
      stream = output.stream;
      outputs.push_back(output);
    }
    announce_micro_batch(samples);
    BatchResults results;
    naming(samples, [&] { results = epilogue_.finish(samples.size(), stream); });
    return results;
  }

  /// Memory ran out in this batch, and the model goes on with less at a time.
  void announce_micro_batch(IndexRange samples) {
    if (auto const now = model_.micro_batch(); now < result_.micro_batch) {
      result_.micro_batch = now;
      std::cerr << "fod-generate: warning: rank " << rank_ << " ran out of memory at samples "
                << samples.begin << " to " << samples.end << ": it goes on with " << now
                << " at a time (recorded; last bits may differ from a run with enough memory)"
                << std::endl;
    }
  }

  void require_same_output(ModelOutput const& output, ModelProbe const& known,
                           IndexRange samples) const {
    auto const columns = check_output(output, config_.batch_size, known.mode);
    if (columns != known.inputs || output.type != known.output_type) {
      throw run_failure("samples " + std::to_string(samples.begin) + " to " +
                            std::to_string(samples.end) + ": the model returned " +
                            std::to_string(columns) + " values per sample",
                        "it returned " + std::to_string(known.inputs) + " for block 0",
                        "use a model whose output does not change its shape or type");
    }
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
        return model_.model_of(static_cast<std::size_t>(member));
      }
    }
    return 0;
  }

  [[nodiscard]] Error no_distribution(std::int64_t sample, std::size_t model) const {
    auto const& known = plan_.probe.models[model];
    auto const name = "sample " + std::to_string(sample) +
                      (model_.model_count() > 1 ? " of " + config_.models[model] : "");
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

  Config const& config_;
  Plan const& plan_;
  Inputs const& inputs_;
  Model& model_;
  store::ResultWriter& writer_;
  ControlChannel& channel_;
  Progress* progress_;
  int rank_;
  Epilogue& epilogue_;
  RowBuffer rows_;
  LoopResult result_;
  std::int64_t done_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_memory_;
};

/// An error of the loop, whatever it was: progress is kept, so the code is that of a failed run.
Error loop_error(std::exception const& error) {
  auto const* ours = dynamic_cast<Error const*>(&error);
  return ours == nullptr ? run_failure("unexpected failure", error.what())
                         : Error(ExitCode::failed, ours->message());
}

} // namespace

LoopResult generate(Config const& config, Plan const& plan, Inputs const& inputs, Model& model,
                    Machine const& machine, Epilogue& epilogue, store::ResultWriter& writer,
                    Comm const& comm) {
  ControlChannel channel(comm);
  Progress progress(plan.samples(), config.progress);
  Loop loop(config, plan, inputs, model, machine, epilogue, writer, channel,
            comm.is_root() ? &progress : nullptr);
  // A rank that fails here must not leave: the others learn of it, and all end together.
  try {
    loop.run(plan.blocks_of(comm.rank()));
    channel.finish(loop.done());
  } catch (std::exception const& error) {
    channel.fail(loop_error(error));
  }
  auto const failure = channel.settle([&] { progress.show(channel.total_done()); });
  if (comm.is_root()) {
    progress.end(channel.total_done());
  }
  if (failure) {
    writer.suspend();
    auto message = failure->message();
    message.remedy += (message.remedy.empty() ? "" : "; ") +
                      ("progress is kept in " + store::partial_path(config.out));
    throw AgreedError(Error(failure->code(), message));
  }
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
