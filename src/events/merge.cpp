#include "bytes.hpp"
#include "layer.hpp"

#include "fod/error.hpp"

#include <cstring>

namespace fod::events {

namespace {

static_assert(sizeof(Event) == 24, "an event has no padding, whose bytes would differ");

using Words = std::vector<std::uint64_t>;

/// Parts of bytes, one after the other.
class Parts {
public:
  explicit Parts(std::string_view bytes) : left_(bytes) {}

  std::string_view take(std::size_t size) {
    if (size > left_.size()) {
      throw run_failure("cannot merge logs of events", "the bytes of one are cut off");
    }
    auto const part = left_.substr(0, size);
    left_.remove_prefix(size);
    return part;
  }
  Words words(std::size_t count) {
    Words values(count);
    auto const bytes = take(count * sizeof(std::uint64_t));
    if (!values.empty()) {
      std::memcpy(values.data(), bytes.data(), bytes.size());
    }
    return values;
  }

private:
  std::string_view left_;
};

void append(std::string& bytes, Words const& values) {
  bytes.append(reinterpret_cast<char const*>(values.data()), values.size() * sizeof(std::uint64_t));
}

/// What must be equal in logs that are merged.
Words kind_of(EventLog const& log) {
  auto const word = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  Words kind{log.layers(), word(log.categories()), word(log.samples().begin),
             word(log.samples().end), word(log.keep())};
  for (std::size_t layer = 0; layer < log.layers(); ++layer) {
    kind.push_back(word(log.groups(layer)));
  }
  return kind;
}

} // namespace

std::string bytes_of(std::span<Event const> events) {
  return {reinterpret_cast<char const*>(events.data()), events.size_bytes()};
}

std::vector<Event> events_of(std::string_view bytes) {
  std::vector<Event> events(bytes.size() / sizeof(Event));
  if (bytes.size() % sizeof(Event) != 0) {
    throw run_failure("cannot merge logs of events", "the bytes of one are cut off");
  }
  if (!events.empty()) { // of none there is no place
    std::memcpy(static_cast<void*>(events.data()), bytes.data(), bytes.size());
  }
  return events;
}

Words EventLog::counts() const {
  Words values;
  for (auto const& layer : layers_) {
    auto canonical = layer.counts;
    canonical.canonicalise();
    canonical.for_integers(
        [&](std::int64_t& value) { values.push_back(static_cast<std::uint64_t>(value)); });
  }
  return values;
}

void EventLog::set_counts(std::span<std::uint64_t const> values) {
  auto next = values.begin();
  for (auto& layer : layers_) {
    layer.counts.for_integers(
        [&](std::int64_t& value) { value = static_cast<std::int64_t>(*next++); });
    layer.counts.canonicalise();
  }
}

std::string EventLog::serialise() const {
  std::string bytes;
  append(bytes, kind_of(*this));
  append(bytes, counts());
  for (auto const& layer : layers_) {
    auto const& events = layer.strongest.sorted();
    append(bytes, {events.size()});
    bytes += bytes_of(events);
  }
  return bytes;
}

void EventLog::merge(std::string_view bytes) {
  Parts parts(bytes);
  auto const kind = kind_of(*this);
  if (parts.words(kind.size()) != kind) {
    throw run_failure("cannot merge logs of events",
                      "they are not of the same layers, groups, categories and samples");
  }
  auto sums = counts();
  auto const others = parts.words(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    sums[i] += others[i]; // of canonical digits, which have room for the sum
  }
  set_counts(sums);
  for (auto& layer : layers_) {
    auto const count = parts.words(1)[0];
    for (auto const& event : events_of(parts.take(count * sizeof(Event)))) {
      layer.strongest.offer(event);
    }
  }
}

void EventLog::merge(EventLog const& other) {
  merge(other.serialise());
}

} // namespace fod::events
