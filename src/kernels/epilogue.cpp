#include "fod/epilogue.hpp"

#include "parts.hpp"

#include <algorithm>
#include <cmath>

namespace fod {

namespace {

void take(Parts& parts, EpilogueView& view, std::int64_t rows, std::int64_t classes, bool logits) {
  parts.take(view.distributions, rows * classes);
  parts.take(view.entropy, rows);
  parts.take(view.confidence, rows);
  parts.take(view.prediction, rows);
  parts.take(view.flags, rows);
  if (logits) {
    parts.take(view.logits, rows * classes);
  }
}

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
  take(parts, all.members, members * rows, shape_.classes, shape_.logits);
  if (members > 1) {
    take(parts, all.joined.mean, rows, shape_.classes, false);
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
