#include "fod/group_activity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fod {

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

std::vector<store::Section> center_sections(std::vector<store::LayerGroups> const& layers) {
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

ActivitySink::ActivitySink(std::vector<store::LayerGroups> const& layers,
                           IndexRange samples_of_file, store::ResultWriter* writer,
                           ActivityRecorder* recorder)
    : layers_(layers), first_(samples_of_file.begin), writer_(writer), recorder_(recorder),
      rows_(layers.size()) {}

void ActivitySink::begin_batch(IndexRange samples, std::span<std::uint8_t const> flags) {
  batch_ = samples;
  flags_ = flags;
  if (noting_) {
    recorder_->begin(samples);
  }
}

void ActivitySink::take(LayerActivity const& activity) {
  auto const& view = activity.view;
  auto const groups = std::ssize(layers_[activity.layer].groups);
  for (std::int64_t row = 0; row < batch_.size(); ++row) {
    std::span<float> const centers(view.centers + row * groups, static_cast<std::size_t>(groups));
    auto const at = static_cast<std::size_t>(row);
    bool const counts = flags_[at] == 0 && activity.nonfinite[at] == 0;
    if (!counts) {
      std::fill(centers.begin(), centers.end(), std::numeric_limits<float>::quiet_NaN());
    } else if (noting_) {
      recorder_->add(
          {activity.layer, batch_.begin + row, centers, view.mean[row], view.deviation[row]});
    }
    if (writer_ != nullptr) {
      auto& rows = rows_[activity.layer];
      rows.insert(rows.end(), centers.begin(), centers.end());
    }
  }
}

void ActivitySink::end_block(std::int64_t block, IndexRange samples) {
  if (writer_ != nullptr) { // before the notes, which must not cover rows that were not written
    write_rows(samples);
    writer_->complete_block(block);
  }
  if (noting_) {
    recorder_->end_block();
  }
}

void ActivitySink::write_rows(IndexRange samples) {
  std::size_t section = 0;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (!layers_[i].groups.empty()) {
      writer_->write(section, {samples.begin - first_, samples.end - first_}, rows_[i].data());
      ++section;
    }
    rows_[i].clear();
  }
}

KeptActivity::KeptActivity(std::vector<store::LayerGroups> const& layers,
                           IndexRange samples_of_file, std::int64_t most_rows, int threads)
    : layers_(layers), first_(samples_of_file.begin) {
  for (auto const& layer : layers) {
    patterns_.emplace_back(pattern_of(layer), most_rows, threads);
  }
}

void KeptActivity::run(IndexRange samples, store::ResultWriter const& writer, ActivitySink& sink) {
  IndexRange const rows{samples.begin - first_, samples.end - first_};
  flags_.resize(static_cast<std::size_t>(samples.size()));
  writer.read("/row_status", rows, ElementType::uint8, flags_.data());
  sink.begin_batch(samples, flags_);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    auto const neurons = layers_[i].neuron_mean.size();
    activations_.resize(flags_.size() * neurons);
    writer.read("/activations/" + layers_[i].layer, rows, ElementType::float32,
                activations_.data());
    find_nonfinite(neurons);
    sink.take({i, patterns_[i].run(activations_.data(), samples.size()), nonfinite_});
  }
}

/// Finds the rows of `activations_` that the moments left out.
void KeptActivity::find_nonfinite(std::size_t neurons) {
  nonfinite_.clear();
  for (auto row = activations_.begin(); row != activations_.end();) {
    auto const end = row + static_cast<std::ptrdiff_t>(neurons);
    bool const finite = std::all_of(row, end, [](float value) { return std::isfinite(value); });
    nonfinite_.push_back(finite ? 0 : 1);
    row = end;
  }
}

} // namespace fod
