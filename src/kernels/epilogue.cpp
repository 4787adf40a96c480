#include "fod/epilogue.hpp"

#include <algorithm>
#include <cmath>

namespace fod {

namespace {

/// Every array starts on a line of its own, for aligned stores and copies.
constexpr std::size_t line = 128;

/// Hands out the parts of one allocation.
class Parts {
public:
  explicit Parts(void* start) : start_(static_cast<std::byte*>(start)) {}

  template <class T>
  void take(T*& part, std::int64_t count) {
    part = reinterpret_cast<T*>(start_ == nullptr ? nullptr : start_ + bytes_);
    auto const size = static_cast<std::size_t>(count) * sizeof(T);
    bytes_ += (size + line - 1) / line * line;
  }
  void take(EpilogueView& view, std::int64_t rows, std::int64_t classes, bool logits) {
    take(view.distributions, rows * classes);
    take(view.entropy, rows);
    take(view.confidence, rows);
    take(view.prediction, rows);
    take(view.flags, rows);
    if (logits) {
      take(view.logits, rows * classes);
    }
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
  std::byte* start_;
  std::size_t bytes_ = 0;
};

/// What was wrong with a row before the steps of the user's own stays wrong.
void keep_flags(std::vector<std::uint8_t> const& before, std::int64_t classes,
                EpilogueView const& view) {
  for (std::size_t row = 0; row < before.size(); ++row) {
    view.flags[row] = static_cast<std::uint8_t>(view.flags[row] | before[row]);
    if ((before[row] & row_nonfinite) != 0) {
      auto const at = static_cast<std::int64_t>(row);
      std::fill_n(view.distributions + at * classes, classes, NAN);
      view.entropy[row] = NAN;
      view.confidence[row] = NAN;
      view.prediction[row] = -1;
    }
  }
}

} // namespace

Epilogue::Epilogue(Device const& device, EpilogueShape shape, std::vector<HostStep> steps)
    : on_device_(device.is_cuda), shape_(std::move(shape)), steps_(std::move(steps)) {
  static_cast<void>(places(nullptr, &bytes_));
  host_ = Buffer(bytes_, on_device_ ? Buffer::Place::pinned : Buffer::Place::host);
  std::copy(shape_.weights.begin(), shape_.weights.end(), places(host_.data()).weights);
  if (on_device_) {
    device_ = Buffer(bytes_, Buffer::Place::device);
    StreamView const first;
    copy_async(device_.data(), host_.data(), shape_.weights.size() * sizeof(double), first);
    first.wait();
  }
}

Epilogue::Places Epilogue::places(void* start, std::size_t* bytes) const {
  Parts parts(start);
  Places all;
  auto const members = shape_.members();
  auto const rows = shape_.most_rows;
  parts.take(all.weights, members);
  parts.take(all.members, members * rows, shape_.classes, shape_.logits);
  if (members > 1) {
    parts.take(all.joined.mean, rows, shape_.classes, false);
    parts.take(all.joined.aleatoric, rows);
    parts.take(all.joined.epistemic, rows);
    parts.take(all.joined.disagreement, rows);
  } else {
    all.joined.mean = all.members;
  }
  if (bytes != nullptr) {
    *bytes = parts.bytes();
  }
  return all;
}

EpilogueView Epilogue::of_member(EpilogueView members, std::int64_t member) const {
  auto const rows = member * shape_.most_rows;
  members.distributions += rows * shape_.classes;
  members.entropy += rows;
  members.confidence += rows;
  members.prediction += rows;
  members.flags += rows;
  if (members.logits != nullptr) {
    members.logits += rows * shape_.classes;
  }
  return members;
}

EnsembleSpec Epilogue::ensemble(std::int64_t rows, double const* weights) const {
  return {rows, shape_.classes, shape_.members(), shape_.most_rows, weights};
}

void Epilogue::add(std::int64_t member, void const* values, EpilogueSpec const& spec,
                   StreamView stream) {
  if (on_device_) {
    cuda::distributions(values, spec, of_member(places(device_.data()).members, member), stream);
  } else {
    host::distributions(values, spec, of_member(places(host_.data()).members, member));
  }
}

void Epilogue::run_steps(std::int64_t rows) const {
  for (std::int64_t member = 0; member < shape_.members(); ++member) {
    auto view = of_member(places(host_.data()).members, member);
    view.logits = nullptr; // they stay what the model gave
    std::vector<std::uint8_t> const flags(view.flags, view.flags + (steps_.empty() ? 0 : rows));
    for (auto const& step : steps_) {
      step.change->apply(view.distributions, rows, shape_.classes);
      host::distributions(view.distributions,
                          {rows, shape_.classes, ElementType::float32, OutputMode::probs,
                           probability_tolerance(ElementType::float32), step.then},
                          view);
    }
    keep_flags(flags, shape_.classes, view);
  }
}

BatchResults Epilogue::finish(std::int64_t rows, StreamView stream) {
  bool const join = shape_.members() > 1;
  bool const join_on_device = join && on_device_ && steps_.empty();
  auto const there = places(device_.data());
  auto const here = places(host_.data());
  if (join_on_device) {
    cuda::ensemble(there.members, ensemble(rows, there.weights), there.joined, stream);
  }
  if (on_device_) {
    copy_async(host_.data(), device_.data(), bytes_, stream);
    stream.wait();
  }
  run_steps(rows);
  if (join && !join_on_device) {
    host::ensemble(here.members, ensemble(rows, here.weights), here.joined);
  }
  return {here.joined, here.members, shape_.most_rows};
}

} // namespace fod
