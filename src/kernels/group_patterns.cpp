#include "fod/group_patterns.hpp"

#include "parts.hpp"

#include <algorithm>

namespace fod {

namespace {

/// The constants of a layer in one run of memory.
struct Constants {
  double* mean = nullptr;
  double* inverse = nullptr;
  std::int64_t* members = nullptr;
  std::int64_t* offsets = nullptr;
  double* weights = nullptr;
  std::size_t bytes = 0;

  Constants(void* start, PatternTable const& table) {
    Parts parts(start);
    mean = parts.take<double>(std::ssize(table.mean));
    inverse = parts.take<double>(std::ssize(table.inverse));
    members = parts.take<std::int64_t>(std::ssize(table.members));
    offsets = parts.take<std::int64_t>(std::ssize(table.offsets));
    weights = parts.take<double>(std::ssize(table.weights));
    bytes = parts.bytes();
  }
};

Buffer on_device(PatternTable const& table) {
  Constants const sizes(nullptr, table);
  Buffer here(sizes.bytes, Buffer::Place::host);
  Constants const out(here.data(), table);
  std::copy(table.mean.begin(), table.mean.end(), out.mean);
  std::copy(table.inverse.begin(), table.inverse.end(), out.inverse);
  std::copy(table.members.begin(), table.members.end(), out.members);
  std::copy(table.offsets.begin(), table.offsets.end(), out.offsets);
  std::copy(table.weights.begin(), table.weights.end(), out.weights);
  Buffer there(sizes.bytes, Buffer::Place::device);
  StreamView const stream;
  copy_async(there.data(), here.data(), sizes.bytes, stream);
  stream.wait();
  return there;
}

} // namespace

GroupPatterns::GroupPatterns(Device const& device, LayerPattern const& layer,
                             std::int64_t most_rows, int threads)
    : most_rows_(most_rows) {
  if (!device.is_cuda) {
    host_.emplace(layer, most_rows, threads);
    return;
  }
  PatternTable const table(layer);
  constants_ = on_device(table);
  Constants const placed(constants_.data(), table);
  spec_ = table.spec();
  spec_.mean = placed.mean;
  spec_.inverse = placed.inverse;
  spec_.members = placed.members;
  spec_.offsets = placed.offsets;
  spec_.weights = placed.weights;
  std::size_t bytes = 0;
  static_cast<void>(view_of(nullptr, &bytes));
  pinned_ = Buffer(bytes, Buffer::Place::pinned);
  device_ = Buffer(bytes, Buffer::Place::device);
}

PatternView GroupPatterns::view_of(void* start, std::size_t* bytes) const {
  Parts parts(start);
  PatternView view;
  view.centers = parts.take<float>(most_rows_ * spec_.groups);
  view.mean = parts.take<double>(most_rows_);
  view.deviation = parts.take<double>(most_rows_);
  if (bytes != nullptr) {
    *bytes = parts.bytes();
  }
  return view;
}

PatternView GroupPatterns::run(float const* values, std::int64_t rows, StreamView stream) {
  if (host_) {
    return host_->run(values, rows);
  }
  spec_.rows = rows;
  cuda::patterns(values, spec_, view_of(device_.data()), stream);
  copy_async(pinned_.data(), device_.data(), pinned_.bytes(), stream);
  there_.wait_for_all_of(stream);
  return view_of(pinned_.data());
}

} // namespace fod
