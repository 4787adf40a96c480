#include "left_out.hpp"

#include "fod/error.hpp"
#include "fod/layer_groups.hpp"

namespace fod {

namespace {

constexpr char const* left_out_path = "/left_out";

Error damaged(h5::File const& file) {
  return bad_input(file.path() + " is damaged", "its moments are not those of this job");
}

} // namespace

void LeftOut::add(LeftOut const& other) {
  unlabelled += other.unlabelled;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i] += other.samples[i];
  }
}

void write_left_out(h5::File& file, LeftOut const& left_out) {
  auto const layers = std::ssize(left_out.samples);
  file.create_dataset(left_out_path, ElementType::int64, {layers})
      .write({0, layers}, ElementType::int64, left_out.samples.data());
  file.set_attribute("/", "unlabelled", left_out.unlabelled);
}

LeftOut read_left_out(h5::File const& file, std::size_t layers) {
  LeftOut left_out(layers);
  auto const dataset = file.dataset(left_out_path);
  auto const value = file.attribute("/", "unlabelled");
  auto const* unlabelled = std::get_if<std::int64_t>(&value);
  if (dataset.shape() != Shape{static_cast<std::int64_t>(layers)} || unlabelled == nullptr) {
    throw damaged(file);
  }
  dataset.read({0, static_cast<std::int64_t>(layers)}, ElementType::int64, left_out.samples.data());
  left_out.unlabelled = *unlabelled;
  return left_out;
}

void LayerMoments::save(h5::File& file) {
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    store::write_moments(file, plan_.layers[i].layer.name, accumulators_[i].sums(stream_));
  }
  write_left_out(file, left_out_);
}

void SavedMoments::add(h5::File const& file) {
  auto const left_out = read_left_out(file, plan_.layers.size());
  std::vector<Moments> found;
  for (std::size_t i = 0; i < plan_.layers.size(); ++i) {
    auto const& layer = plan_.layers[i].layer.name;
    if (!store::has_moments(file, layer)) {
      break; // a base of no blocks
    }
    found.push_back(store::read_moments(file, layer));
    auto const shape = plan_.shape_of(i);
    if (found.back().neurons != shape.neurons || found.back().appended != shape.appended ||
        found.back().classes != shape.classes || found.back().scale != plan_.scales[i]) {
      throw damaged(file);
    }
  }
  if (!found.empty() && found.size() != plan_.layers.size()) {
    throw damaged(file);
  }
  left_out_.add(left_out);
  if (sums_.empty()) {
    sums_ = std::move(found);
    return;
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    sums_[i].add(found[i]);
  }
}

void SavedMoments::write(h5::File& file) const {
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    store::write_moments(file, plan_.layers[i].layer.name, sums_[i]);
  }
  write_left_out(file, left_out_);
}

} // namespace fod
