#include "fod/kernels.hpp"

#include "fod/error.hpp"

namespace fod {

namespace {

/// Every array starts on a line of its own, for aligned stores and copies.
constexpr std::size_t line = 128;
std::size_t padded(std::size_t bytes) {
  return (bytes + line - 1) / line * line;
}

} // namespace

float probability_tolerance(ElementType type) {
  switch (type) {
  case ElementType::float16:
    return 1e-3F;
  case ElementType::bfloat16:
    return 1e-2F;
  default:
    return 1e-4F;
  }
}

Epilogue::Epilogue(Device const& device, std::int64_t most_rows, std::int64_t classes)
    : on_device_(device.is_cuda), most_rows_(most_rows), classes_(classes) {
  auto const rows = static_cast<std::size_t>(most_rows);
  bytes_ = padded(rows * static_cast<std::size_t>(classes) * sizeof(float)) +
           2 * padded(rows * sizeof(float)) + padded(rows * sizeof(std::int32_t)) + padded(rows);
  host_ = Buffer(bytes_, on_device_ ? Buffer::Place::pinned : Buffer::Place::host);
  if (on_device_) {
    device_ = Buffer(bytes_, Buffer::Place::device);
  }
}

EpilogueView Epilogue::view(Buffer const& buffer) const {
  auto const rows = static_cast<std::size_t>(most_rows_);
  auto* next = static_cast<std::byte*>(buffer.data());
  auto const take = [&](std::size_t bytes) {
    auto* start = next;
    next += padded(bytes);
    return static_cast<void*>(start);
  };
  EpilogueView view;
  view.distributions =
      static_cast<float*>(take(rows * static_cast<std::size_t>(classes_) * sizeof(float)));
  view.entropy = static_cast<float*>(take(rows * sizeof(float)));
  view.confidence = static_cast<float*>(take(rows * sizeof(float)));
  view.prediction = static_cast<std::int32_t*>(take(rows * sizeof(std::int32_t)));
  view.flags = static_cast<std::uint8_t*>(take(rows));
  return view;
}

EpilogueView Epilogue::run(void const* values, EpilogueSpec const& spec, StreamView stream) {
  if (!on_device_) {
    host::distributions(values, spec, view(host_));
    return view(host_);
  }
  cuda::distributions(values, spec, view(device_), stream);
  copy_async(host_.data(), device_.data(), bytes_, stream);
  stream.wait();
  return view(host_);
}

} // namespace fod
