#include "second_pass.hpp"

#include "batch.hpp"
#include "rows.hpp"
#include "together.hpp"

#include "fod/error.hpp"
#include "fod/patterns.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fod {

namespace {

LayerPattern pattern_of(store::LayerGroups const& layer) {
  LayerPattern pattern{layer.neuron_mean, layer.neuron_std, {}, {}};
  for (auto const& group : layer.groups) {
    pattern.groups.push_back(group.neurons);
    auto& signs = pattern.signs.emplace_back();
    for (auto const loading : group.loadings) {
      signs.push_back(loading < 0 ? -1.0 : 1.0);
    }
  }
  return pattern;
}

/// The sections that the pass writes, one per layer with groups.
std::vector<store::Section> sections_of(std::vector<store::LayerGroups> const& layers) {
  std::vector<store::Section> all;
  for (auto const& layer : layers) {
    if (!layer.groups.empty()) {
      all.push_back({store::groups_path(layer.layer) + "/group_center",
                     ElementType::float32,
                     {std::ssize(layer.groups)}});
    }
  }
  return all;
}

/// The pass on this rank.
class SecondPass {
public:
  SecondPass(Prepared& job, std::vector<store::LayerGroups> const& layers,
             store::ResultWriter& writer, ActivityRecorder* recorder, KeptSums const* kept,
             bool writes, int rank)
      : job_(job), layers_(layers), writer_(writer), recorder_(recorder), kept_(kept), rank_(rank),
        runner_(job), write_(writes), read_(job.config.groups.keep_activations),
        clock_(job.config.checkpoint_interval) {
    for (auto const& layer : layers) {
      // What is read back is on the host.
      patterns_.emplace_back(read_ ? Device{} : job.machine.device, pattern_of(layer),
                             job.config.batch_size, job.machine.threads);
    }
    rows_.resize(layers.size());
  }

  void run(std::span<Todo const> todo, Shift& shift) {
    for (auto const& one : todo) {
      noting_ = recorder_ != nullptr && one.sums;
      if (!run_block(one.block, shift)) {
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
  /// @return false if it was stopped before the end of the block
  bool run_block(std::int64_t block, Shift& shift) {
    auto const& grid = job_.plan.layout.grid;
    auto const samples = grid.samples_of(block);
    data_ = Checksum();
    for (auto begin = samples.begin; begin < samples.end; begin += grid.batch_size()) {
      if (shift.stop_requested()) {
        return false;
      }
      IndexRange const batch{begin, std::min(samples.end, begin + grid.batch_size())};
      if (noting_) {
        recorder_->begin(batch);
      }
      read_ ? read_batch(batch) : run_batch(batch);
      shift.report(batch.size());
    }
    if (!read_) {
      require_same_data(block, samples);
    }
    if (write_) {
      flush(samples);
      writer_.complete_block(block);
    }
    if (noting_) {
      recorder_->end_block();
      noted_.push_back(block);
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
    if (before != block_digest(data_, block)) {
      throw run_failure("the data changed between the first and the second pass",
                        "samples " + std::to_string(samples.begin) + " to " +
                            std::to_string(samples.end) +
                            " were not the same when they were read again",
                        "give a dataset without chance in it, or spare the second pass by "
                        "--keep-activations");
    }
  }

  void run_batch(IndexRange samples) {
    job_.inputs->fill(*job_.model, samples, data_);
    auto const results = runner_.run(samples);
    mark_unreadable(results, samples, job_.plan.layout, job_.inputs->dataset.unreadable(samples));
    flags_.assign(results.joined.mean.flags, results.joined.mean.flags + samples.size());
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      take(i, samples, patterns_[i].run(job_.watch->rows(i), samples.size(), runner_.stream()),
           job_.watch->nonfinite(i));
    }
  }

  void read_batch(IndexRange samples) {
    auto const first = job_.plan.layout.samples().begin;
    IndexRange const rows{samples.begin - first, samples.end - first};
    flags_.resize(static_cast<std::size_t>(samples.size()));
    writer_.read("/row_status", rows, ElementType::uint8, flags_.data());
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      auto const neurons = layers_[i].neuron_mean.size();
      activations_.resize(flags_.size() * neurons);
      writer_.read("/activations/" + layers_[i].layer, rows, ElementType::float32,
                   activations_.data());
      mark_nonfinite(neurons);
      take(i, samples, patterns_[i].run(activations_.data(), samples.size(), {}), nonfinite_);
    }
  }

  /// Finds the rows of `activations_` that the moments left out.
  void mark_nonfinite(std::size_t neurons) {
    nonfinite_.clear();
    for (auto row = activations_.begin(); row != activations_.end();) {
      auto const end = row + static_cast<std::ptrdiff_t>(neurons);
      bool const finite = std::all_of(row, end, [](float value) { return std::isfinite(value); });
      nonfinite_.push_back(finite ? 0 : 1);
      row = end;
    }
  }

  /// @param nonfinite by row: not 0 if the layer has an activation there that is not finite
  void take(std::size_t layer, IndexRange samples, PatternView const& view,
            std::span<std::uint8_t const> nonfinite) {
    auto const groups = patterns_[layer].groups();
    for (std::int64_t row = 0; row < samples.size(); ++row) {
      std::span<float> const centers(view.centers + row * groups, static_cast<std::size_t>(groups));
      auto const at = static_cast<std::size_t>(row);
      bool const counts = flags_[at] == 0 && nonfinite[at] == 0;
      if (!counts) {
        std::fill(centers.begin(), centers.end(), std::numeric_limits<float>::quiet_NaN());
      } else if (noting_) {
        recorder_->add({layer, samples.begin + row, centers, view.mean[row], view.deviation[row]});
      }
      if (write_) {
        rows_[layer].insert(rows_[layer].end(), centers.begin(), centers.end());
      }
    }
  }

  void flush(IndexRange samples) {
    auto const first = job_.plan.layout.samples().begin;
    std::size_t section = 0;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (!layers_[i].groups.empty()) {
        writer_.write(section, {samples.begin - first, samples.end - first}, rows_[i].data());
        ++section;
      }
      rows_[i].clear();
    }
  }

  Prepared& job_;
  std::vector<store::LayerGroups> const& layers_;
  store::ResultWriter& writer_;
  ActivityRecorder* recorder_;
  KeptSums const* kept_; ///< of what is noted; null without a recorder
  int rank_;
  BatchRunner runner_;
  bool write_;
  bool read_;
  CheckpointClock clock_;
  bool noting_ = false;             ///< the recorder lacks the current block
  std::vector<std::int64_t> noted_; ///< blocks
  std::size_t saved_ = 0;           ///< of these
  std::vector<GroupPatterns> patterns_;
  std::vector<std::vector<float>> rows_; ///< by layer, (samples of the block, groups)
  std::vector<std::uint8_t> flags_;      ///< by row; 0: it counts
  std::vector<float> activations_;
  Checksum data_;                       ///< of the block
  std::vector<std::uint8_t> nonfinite_; ///< by row of those
};

} // namespace

void second_pass(Prepared& job, std::vector<store::LayerGroups> const& layers,
                 store::ResultWriter& writer, Comm const& comm, ActivityRecorder* recorder) {
  auto const sections =
      job.config.groups.patterns ? sections_of(layers) : std::vector<store::Section>();
  bool const writes = !sections.empty();
  if (!writes && recorder == nullptr) {
    return; // there are no groups
  }
  writer.begin_second_pass(sections);
  KeptSums kept(job.config.out, "events", writer.creation());
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
  work_together(job, work.samples, writer, comm,
                [&](Shift& shift) { pass->run(work.mine, shift); });
}

} // namespace fod
