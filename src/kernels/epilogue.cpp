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

Epilogue::Epilogue(Device const& device, EpilogueShape shape, std::vector<HostStep> steps,
                   std::size_t depth)
    : on_device_(device.is_cuda), shape_(std::move(shape)), steps_(std::move(steps)), slots_(depth),
      results_(device) {
  std::size_t bytes = 0;
  static_cast<void>(places(shape_, nullptr, &bytes));
  StreamView const first;
  for (auto& slot : slots_) {
    slot.host = Buffer(bytes, on_device_ ? Buffer::Place::pinned : Buffer::Place::host);
    std::copy(shape_.weights.begin(), shape_.weights.end(), places(slot.host).weights);
    if (on_device_) {
      slot.device = Buffer(bytes, Buffer::Place::device);
      copy_async(slot.device.data(), slot.host.data(), shape_.weights.size() * sizeof(double),
                 first);
    }
  }
  if (on_device_) {
    first.wait();
  }
}

std::int64_t Epilogue::bytes(EpilogueShape const& shape, std::size_t depth) {
  std::size_t bytes = 0;
  static_cast<void>(places(shape, nullptr, &bytes));
  return static_cast<std::int64_t>(bytes * depth);
}

Epilogue::Places Epilogue::places(EpilogueShape const& shape, void* start, std::size_t* bytes) {
  Parts parts(start);
  Places all;
  auto const members = shape.members();
  auto const rows = shape.most_rows;
  parts.take(all.weights, members);
  take(parts, all.members, members * rows, shape.classes, shape.logits);
  if (members > 1) {
    take(parts, all.joined.mean, rows, shape.classes, false);
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
  auto const& next = slot(sent_);
  if (on_device_) {
    cuda::distributions(values, spec, of_member(places(next.device).members, member), stream);
  } else {
    host::distributions(values, spec, of_member(places(next.host).members, member));
  }
}

void Epilogue::send(std::int64_t rows, StreamView stream) {
  auto& next = slot(sent_);
  next.rows = rows;
  if (on_device_) {
    auto const there = places(next.device);
    if (shape_.members() > 1 && steps_.empty()) {
      cuda::ensemble(there.members, ensemble(rows, there.weights), there.joined, stream);
    }
    next.computed.record(stream);
    results_.view().wait_for(next.computed);
    copy_async(next.host.data(), next.device.data(), next.host.bytes(), results_.view());
    next.copied.record(results_.view());
  }
  ++sent_;
}

BatchResults Epilogue::receive() {
  auto const& oldest = slot(received_++);
  oldest.copied.wait();
  run_steps(oldest);
  auto const here = places(oldest.host);
  bool const joined_on_device = on_device_ && steps_.empty();
  if (shape_.members() > 1 && !joined_on_device) {
    host::ensemble(here.members, ensemble(oldest.rows, here.weights), here.joined);
  }
  return {here.joined, here.members, shape_.most_rows};
}

void Epilogue::run_steps(Slot const& slot) const {
  if (steps_.empty()) {
    return;
  }
  for (std::int64_t member = 0; member < shape_.members(); ++member) {
    auto view = of_member(places(slot.host).members, member);
    view.logits = nullptr; // they stay what the model gave
    std::vector<std::uint8_t> const flags(view.flags, view.flags + slot.rows);
    for (auto const& step : steps_) {
      step.change->apply(view.distributions, slot.rows, shape_.classes);
      host::distributions(view.distributions,
                          {slot.rows, shape_.classes, ElementType::float32, OutputMode::probs,
                           probability_tolerance(ElementType::float32), step.then},
                          view);
    }
    keep_flags(flags, shape_.classes, view);
  }
}

} // namespace fod
