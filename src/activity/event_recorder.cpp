#include "fod/event_recorder.hpp"

#include "fod/checksum.hpp"
#include "fod/comm.hpp"
#include "fod/error.hpp"
#include "fod/rules_file.hpp"
#include "fod/text.hpp"

#include <limits>

namespace fod {

Annotations::Annotations(LayerRequest const& request, std::int64_t samples) {
  if (!request.categories.empty()) {
    categories_.emplace(request.categories, samples);
    names_ = categories_->names();
  }
  if (!request.texts.empty()) {
    texts_.emplace(request.texts, samples);
    rules_ =
        request.rules.empty() ? events::SkillRules::built_in() : json::read_rules(request.rules);
    names_ = rules_->names();
  }
  if (!request.loss.empty()) {
    losses_.emplace(request.loss, samples);
  }
}

std::vector<std::int32_t> Annotations::categories(IndexRange samples) const {
  if (categories_) {
    return categories_->read(samples);
  }
  std::vector<std::int32_t> all(static_cast<std::size_t>(samples.size()), -1);
  if (texts_) {
    auto const texts = texts_->read(samples);
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = rules_->category_of(texts[i]);
    }
  }
  return all;
}

std::vector<double> Annotations::losses(IndexRange samples) const {
  std::vector<double> all(static_cast<std::size_t>(samples.size()),
                          std::numeric_limits<double>::quiet_NaN());
  if (losses_) {
    losses_->read(samples, all);
  }
  return all;
}

namespace {

std::vector<std::int64_t> group_counts(std::vector<store::LayerGroups> const& layers) {
  std::vector<std::int64_t> counts;
  for (auto const& layer : layers) {
    counts.push_back(std::ssize(layer.groups));
  }
  return counts;
}

constexpr char const* log_path = "/log";

void write_log(h5::File& file, events::EventLog const& log) {
  auto const bytes = log.serialise();
  auto const count = std::ssize(bytes);
  file.create_dataset(log_path, ElementType::uint8, {count})
      .write({0, count}, ElementType::uint8, bytes.data());
  file.set_attribute("/", "checksum", checksum_text(checksum_of(bytes)));
}

} // namespace

EventRecorder::EventRecorder(Annotations const& annotations,
                             std::vector<store::LayerGroups> const& layers, IndexRange samples)
    : annotations_(annotations),
      log_(group_counts(layers), std::ssize(annotations.names()), samples),
      loaded_(group_counts(layers), std::ssize(annotations.names()), samples) {
  names_.categories = annotations.names();
  for (auto const& layer : layers) {
    names_.layers.push_back(layer.layer);
    names_.first_group_ids.push_back(layer.first_group_id);
  }
}

void EventRecorder::begin(IndexRange samples) {
  first_sample_ = samples.begin;
  categories_ = annotations_.categories(samples);
  losses_ = annotations_.losses(samples);
}

void EventRecorder::add(SampleActivity const& activity) {
  auto const row = static_cast<std::size_t>(activity.sample - first_sample_);
  block_.push_back({activity.layer, activity.sample, activity.mean, activity.deviation,
                    categories_[row], losses_[row], centers_.size(), activity.centers.size()});
  centers_.insert(centers_.end(), activity.centers.begin(), activity.centers.end());
}

void EventRecorder::end_block() {
  for (auto const& seen : block_) {
    log_.add(seen.layer, seen.sample, std::span(centers_).subspan(seen.first_center, seen.groups),
             seen.mean, seen.deviation, seen.category, seen.loss);
  }
  block_.clear();
  centers_.clear();
}

void EventRecorder::save(h5::File& file) const {
  write_log(file, log_);
}

void EventRecorder::save_loaded(h5::File& file) const {
  write_log(file, loaded_);
}

void EventRecorder::load(h5::File const& file) {
  auto const dataset = file.dataset(log_path);
  if (dataset.shape().size() != 1 || !dataset.can_hold(dataset.shape()[0])) {
    throw bad_input(file.path() + " is damaged", "its log claims more than it holds");
  }
  std::string bytes(static_cast<std::size_t>(element_count(dataset.shape())), '\0');
  dataset.read({0, std::ssize(bytes)}, ElementType::uint8, bytes.data());
  if (file.attribute("/", "checksum") != h5::Attribute(checksum_text(checksum_of(bytes)))) {
    throw bad_input(file.path() + " is damaged", "its checksum differs");
  }
  loaded_.merge(bytes);
}

void EventRecorder::finish(std::vector<store::LayerGroups>& layers, Comm const& comm) {
  comm.agree([&] { log_.merge(loaded_); });
  reduce(log_, comm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto const figures = log_.figures(i);
    for (std::size_t g = 0; g < layers[i].groups.size(); ++g) {
      auto const skill = figures.groups[g].skill();
      layers[i].groups[g].skill_category =
          skill < 0 ? "" : names_.categories[static_cast<std::size_t>(skill)];
    }
  }
}

void EventRecorder::write(h5::File& file) const {
  store::write_events(file, log_, names_);
}

std::string EventRecorder::summary() const {
  std::int64_t total = 0;
  std::int64_t kept = 0;
  for (std::size_t i = 0; i < log_.layers(); ++i) {
    total += log_.total(i);
    kept += std::ssize(log_.kept(i));
  }
  return counted(total, "learning event") +
         (kept == total ? "" : ", of which the strongest " + grouped(kept) + " are kept");
}

} // namespace fod
