#include "layer_moments.hpp"

#include "left_out.hpp"
#include "rows.hpp"

#include "fod/error.hpp"
#include "fod/layer_groups.hpp"
#include "fod/nccl.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace fod {

namespace {

constexpr std::uint8_t no_row = row_nonfinite | row_unreadable;

void add_base(h5::File const& file, std::string const& layer, Moments& moments) {
  if (store::has_moments(file, layer)) { // a base of no blocks has none
    moments.add(store::read_moments(file, layer));
  }
}

} // namespace

MomentShape GroupPlan::shape_of(std::size_t layer) const {
  auto const neurons = layers[layer].neurons;
  return {neurons, appended, classes * neurons <= most_class_sums ? classes : 0, grid.block_size(),
          grid.block_count()};
}

std::int64_t appended_columns(Config const& config, bool labels) {
  return config.distributions ? 2 + (labels ? 1 : 0) : 0;
}

Error nonfinite_activation(WatchedLayer const& layer, std::int64_t sample) {
  return run_failure("sample " + std::to_string(sample) + " has no finite activation in layer " +
                         layer.layer.name,
                     "one of its neurons is NaN or infinite",
                     "look at the sample, or leave such samples out of the groups by "
                     "--allow-nonfinite");
}

void ScaleProbe::add(IndexRange samples, std::span<std::int64_t const> unreadable,
                     bool allow_nonfinite) {
  for (std::size_t i = 0; i < values_.size(); ++i) {
    auto const rows = watch_.on_host(i);
    auto const bad = watch_.nonfinite(i);
    auto const neurons = static_cast<std::size_t>(watch_.layers()[i].neurons);
    for (auto sample = samples.begin; sample < samples.end; ++sample) {
      auto const row = static_cast<std::size_t>(sample - samples.begin);
      if (std::find(unreadable.begin(), unreadable.end(), sample) != unreadable.end()) {
        continue;
      }
      if (bad[row] != 0 && !allow_nonfinite) {
        throw nonfinite_activation(watch_.layers()[i], sample);
      }
      if (bad[row] == 0) {
        auto const values = rows.subspan(row * neurons, neurons);
        values_[i].insert(values_[i].end(), values.begin(), values.end());
      }
    }
  }
}

std::vector<MomentScale> ScaleProbe::scales(BlockGrid const& grid, std::int64_t appended) const {
  std::vector<MomentScale> all;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    auto const neurons = watch_.layers()[i].neurons;
    auto scale = find_scale(values_[i], std::ssize(values_[i]) / std::max<std::int64_t>(1, neurons),
                            neurons, grid);
    // Entropy, confidence and error are of the order of 1 by themselves.
    scale.shift.insert(scale.shift.end(), static_cast<std::size_t>(appended), 0.0);
    scale.scale.insert(scale.scale.end(), static_cast<std::size_t>(appended), 1.0);
    all.push_back(std::move(scale));
  }
  return all;
}

LayerMoments::LayerMoments(GroupPlan const& plan, Machine const& machine, bool allow_nonfinite)
    : plan_(plan), allow_nonfinite_(allow_nonfinite), left_out_(plan.layers.size()),
      of_block_(plan.layers.size()) {
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    accumulators_.emplace_back(machine.device, plan.shape_of(i), plan.scales[i], machine.threads);
  }
}

std::vector<float*> LayerMoments::places() const {
  std::vector<float*> all;
  for (auto const& accumulator : accumulators_) {
    all.push_back(accumulator.batch());
  }
  return all;
}

/// Which rows count, and what goes with them, the same for all layers.
void LayerMoments::describe_rows(SampleFacts const& facts) {
  auto const count = static_cast<std::size_t>(facts.samples.size());
  auto const columns = static_cast<std::size_t>(plan_.appended);
  counts_.assign(count, 1);
  appended_.assign(count * columns, 0);
  classes_.assign(count, -1);
  for (std::size_t row = 0; row < count; ++row) {
    counts_[row] = (facts.rows.flags[row] & no_row) == 0 ? 1 : 0;
    if (columns == 0 || counts_[row] == 0) {
      continue;
    }
    auto const prediction = facts.rows.prediction[row];
    appended_[row * columns] = facts.rows.entropy[row];
    appended_[row * columns + 1] = facts.rows.confidence[row];
    classes_[row] = prediction;
    if (!facts.classes.empty()) {
      auto const label = facts.classes[row];
      classes_[row] = label < 0 ? -1 : static_cast<std::int32_t>(label);
      of_block_.unlabelled += label < 0 ? 1 : 0;
      appended_[row * columns + 2] = label >= 0 && label != prediction ? 1.0F : 0.0F;
    }
  }
}

void LayerMoments::add(SampleFacts const& facts, LayerWatch const& watch, StreamView stream) {
  describe_rows(facts);
  stream_ = stream;
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    auto const bad = watch.nonfinite(i);
    layer_counts_ = counts_;
    for (std::size_t row = 0; row < layer_counts_.size(); ++row) {
      if (layer_counts_[row] == 0 || bad[row] == 0) {
        continue;
      }
      if (!allow_nonfinite_) {
        throw nonfinite_activation(plan_.layers[i],
                                   facts.samples.begin + static_cast<std::int64_t>(row));
      }
      layer_counts_[row] = 0;
      ++of_block_.samples[i];
    }
    accumulators_[i].append(facts.samples.size(), {layer_counts_, appended_, classes_}, stream);
  }
}

void LayerMoments::end_block(std::int64_t block, StreamView stream) {
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    try {
      accumulators_[i].end_block(block, stream);
    } catch (Error const& error) {
      throw error.within("layer " + plan_.layers[i].layer.name);
    }
  }
  left_out_.add(of_block_);
  of_block_ = LeftOut(plan_.layers.size());
}

void LayerMoments::drop_block() {
  for (auto& accumulator : accumulators_) {
    accumulator.drop_block();
  }
  of_block_ = LeftOut(plan_.layers.size());
}

std::vector<Moments> LayerMoments::reduce(Comm const& comm, Machine const& machine) {
  std::unique_ptr<NcclComm> nccl;
  if (machine.gpu_each && comm.size() > 1) {
    nccl = std::make_unique<NcclComm>(comm);
  }
  std::vector<Moments> all;
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    accumulators_[i].reduce(comm, nccl.get(), stream_);
    comm.agree([&] {
      all.push_back(accumulators_[i].take(stream_));
      if (!comm.is_root() && owner_of(i, comm) != comm.rank()) {
        all.back() = Moments();
      } else if (!base_.empty()) {
        add_base(h5::File::open(base_), plan_.layers[i].layer.name, all.back());
      }
    });
  }
  accumulators_.clear();
  comm.agree([&] {
    if (comm.is_root() && !base_.empty()) {
      left_out_.add(read_left_out(h5::File::open(base_), plan_.layers.size()));
    }
  });
  std::vector<std::uint64_t> counts{static_cast<std::uint64_t>(left_out_.unlabelled)};
  counts.insert(counts.end(), left_out_.samples.begin(), left_out_.samples.end());
  comm.all_sum(counts);
  left_out_.unlabelled = static_cast<std::int64_t>(counts[0]);
  left_out_.samples.assign(counts.begin() + 1, counts.end());
  return all;
}

std::int64_t moment_bytes(GroupPlan const& plan, Machine const& machine) {
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    auto const memory =
        MomentAccumulator::memory(plan.shape_of(i), machine.device.is_cuda, machine.threads);
    bytes += machine.device.is_cuda ? memory.device : memory.host;
  }
  return bytes;
}

namespace {

std::vector<WatchedLayer>::const_iterator largest_of(GroupPlan const& plan) {
  return std::max_element(
      plan.layers.begin(), plan.layers.end(),
      [](WatchedLayer const& a, WatchedLayer const& b) { return a.neurons < b.neurons; });
}

/// Finding groups takes matrices of the layer on the host: its correlations, a copy to work on,
/// and the sums of all layers on rank 0.
void require_analysis(GroupPlan const& plan, std::int64_t ranks) {
  auto const largest = largest_of(plan);
  auto const n = largest->neurons;
  std::int64_t sums = 0;
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    sums += 16 * triangle_size(plan.shape_of(i).width());
  }
  auto const busy = std::min(ranks, std::ssize(plan.layers));
  auto const needed = busy * 2 * 8 * n * n + 2 * sums;
  auto const there = memory_of(Device{}).available;
  if (needed > there) {
    throw bad_input("finding groups needs " + byte_size(needed) + " of memory on this node",
                    byte_size(there) + " are free; the largest layer, " + largest->layer.name +
                        ", has " + grouped(n) + " neurons",
                    "choose fewer or smaller layers");
  }
}

} // namespace

void require_memory(GroupPlan const& plan, Machine const& machine) {
  auto const needed = moment_bytes(plan, machine);
  auto const& here = machine.hosts[static_cast<std::size_t>(machine.rank)];
  auto const ranks =
      std::max<std::int64_t>(1, std::count(machine.hosts.begin(), machine.hosts.end(), here));
  bool const own_gpu = machine.device.is_cuda && machine.gpu_each;
  auto const there = memory_of(machine.device).available / (own_gpu ? 1 : ranks);
  if (needed <= there) {
    require_analysis(plan, ranks);
    return;
  }
  auto const largest = largest_of(plan);
  throw bad_input("the moments of " + counted(std::ssize(plan.layers), "layer") + " need " +
                      byte_size(needed) + " per rank",
                  byte_size(there) + " are free for each; the largest, " + largest->layer.name +
                      ", has " + grouped(largest->neurons) + " neurons",
                  "choose fewer or smaller layers, or start fewer ranks per node");
}

} // namespace fod
