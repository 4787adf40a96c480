#include "fod/patterns.hpp"

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

  Constants(void* start, std::int64_t neurons, std::int64_t groups, std::int64_t size) {
    Parts parts(start);
    mean = parts.take<double>(neurons);
    inverse = parts.take<double>(neurons);
    members = parts.take<std::int64_t>(size);
    offsets = parts.take<std::int64_t>(groups + 1);
    weights = parts.take<double>(size);
    bytes = parts.bytes();
  }
};

void fill(Constants const& out, LayerPattern const& layer) {
  std::copy(layer.mean.begin(), layer.mean.end(), out.mean);
  std::transform(layer.deviation.begin(), layer.deviation.end(), out.inverse,
                 [](double deviation) { return deviation > 0 ? 1 / deviation : 0; });
  std::int64_t at = 0;
  out.offsets[0] = 0;
  for (std::size_t g = 0; g < layer.groups.size(); ++g) {
    auto const& members = layer.groups[g];
    for (std::size_t m = 0; m < members.size(); ++m, ++at) {
      out.members[at] = members[m];
      out.weights[at] =
          layer.signs[g][m] * out.inverse[members[m]] / static_cast<double>(members.size());
    }
    out.offsets[g + 1] = at;
  }
}

} // namespace

GroupPatterns::GroupPatterns(Device const& device, LayerPattern const& layer,
                             std::int64_t most_rows, int threads)
    : on_device_(device.is_cuda), threads_(threads), most_rows_(most_rows) {
  auto const neurons = std::ssize(layer.mean);
  auto const groups = std::ssize(layer.groups);
  std::int64_t size = 0;
  for (auto const& members : layer.groups) {
    size += std::ssize(members);
  }
  Constants const sizes(nullptr, neurons, groups, size);
  constants_ = Buffer(sizes.bytes, Buffer::Place::host);
  fill(Constants(constants_.data(), neurons, groups, size), layer);
  if (on_device_) {
    Buffer there(sizes.bytes, Buffer::Place::device);
    StreamView const stream;
    copy_async(there.data(), constants_.data(), sizes.bytes, stream);
    stream.wait();
    constants_ = std::move(there);
  }
  Constants const placed(constants_.data(), neurons, groups, size);
  auto const alive = std::count_if(layer.deviation.begin(), layer.deviation.end(),
                                   [](double deviation) { return deviation > 0; });
  spec_ = {0,
           neurons,
           groups,
           alive,
           placed.mean,
           placed.inverse,
           placed.members,
           placed.offsets,
           placed.weights};
  std::size_t bytes = 0;
  static_cast<void>(view_of(nullptr, &bytes));
  host_ = Buffer(bytes, on_device_ ? Buffer::Place::pinned : Buffer::Place::host);
  if (on_device_) {
    device_ = Buffer(bytes, Buffer::Place::device);
  }
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
  spec_.rows = rows;
  auto const here = view_of(host_.data());
  if (!on_device_) {
    host::patterns(values, spec_, here, threads_);
    return here;
  }
  cuda::patterns(values, spec_, view_of(device_.data()), stream);
  copy_async(host_.data(), device_.data(), host_.bytes(), stream);
  stream.wait();
  return here;
}

} // namespace fod
