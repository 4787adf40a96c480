#include "layer.hpp"

#include <algorithm>
#include <utility>

namespace fod::events {

bool Event::before(Event const& other) const {
  if (strength != other.strength) {
    return strength > other.strength;
  }
  return sample != other.sample ? sample < other.sample : group < other.group;
}

namespace {

bool in_order(Event const& a, Event const& b) {
  return a.before(b);
}

} // namespace

Strongest::Strongest(std::int64_t keep)
    : keep_(static_cast<std::size_t>(keep)), room_(keep_ + keep_ / 4 + 1024) {}

void Strongest::offer(Event const& event) {
  if (keep_ == 0 || (cut_ && !event.before(weakest_))) {
    return;
  }
  events_.push_back(event);
  is_sorted_ = false;
  if (events_.size() >= room_) {
    trim();
  }
}

void Strongest::trim() {
  if (events_.size() > keep_) {
    auto const last = events_.begin() + static_cast<std::ptrdiff_t>(keep_) - 1;
    std::nth_element(events_.begin(), last, events_.end(), in_order);
    weakest_ = *last;
    cut_ = true;
    events_.resize(keep_);
    is_sorted_ = false;
  }
}

std::vector<Event> const& Strongest::sorted() const {
  if (!is_sorted_) {
    std::sort(events_.begin(), events_.end(), in_order);
    events_.resize(std::min(events_.size(), keep_));
    is_sorted_ = true;
  }
  return events_;
}

std::vector<Event> Strongest::release() {
  (void)sorted();
  cut_ = false;
  return std::exchange(events_, {});
}

} // namespace fod::events
