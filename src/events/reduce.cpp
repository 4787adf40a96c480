#include "bytes.hpp"
#include "layer.hpp"

#include "fod/comm.hpp"

#include <algorithm>
#include <bit>

namespace fod::events {

namespace {

constexpr std::int64_t most_gathered = std::int64_t{1} << 30; ///< bytes at a time, of all ranks
constexpr std::uint32_t bins = 1U << 16;

/// Grows with the strength, which is positive.
std::uint32_t key_of(Event const& event) {
  return std::bit_cast<std::uint32_t>(event.strength);
}

/// The bin in which the `wanted`-th largest key lies, and how many lie in the bins above it.
struct Place {
  std::uint32_t bin = 0;
  std::uint64_t above = 0;
};
Place place_of(std::span<std::uint64_t const> histogram, std::uint64_t wanted) {
  Place place{bins - 1, 0};
  while (place.bin > 0 && place.above + histogram[place.bin] < wanted) {
    place.above += histogram[place.bin--];
  }
  return place;
}

/// The key of the `wanted`-th strongest of all ranks' events; 0 if there are not so many.
std::uint32_t cut_of(std::vector<Event> const& events, std::uint64_t wanted, Comm const& comm) {
  std::vector<std::uint64_t> histogram(bins);
  for (auto const& event : events) {
    ++histogram[key_of(event) >> 16];
  }
  comm.all_sum(histogram);
  auto const high = place_of(histogram, wanted);
  std::fill(histogram.begin(), histogram.end(), 0);
  for (auto const& event : events) {
    auto const key = key_of(event);
    histogram[key & (bins - 1)] += key >> 16 == high.bin ? 1 : 0;
  }
  comm.all_sum(histogram);
  return high.bin << 16 | place_of(histogram, wanted - high.above).bin;
}

/// Every rank's events to every rank, a slice at a time.
template <class Take>
void exchange(std::span<Event const> own, Comm const& comm, Take take) {
  auto const most = static_cast<std::size_t>(std::max<std::int64_t>(
      1, most_gathered / comm.size() / static_cast<std::int64_t>(sizeof(Event))));
  auto const longest = static_cast<std::size_t>(comm.all_max(static_cast<double>(own.size())));
  for (std::size_t begin = 0; begin < longest; begin += most) {
    auto const first = std::min(begin, own.size());
    auto const slice = own.subspan(first, std::min(most, own.size() - first));
    for (auto const& bytes : comm.all_gather(bytes_of(slice))) {
      for (auto const& event : events_of(bytes)) {
        take(event);
      }
    }
  }
}

} // namespace

void reduce(EventLog& log, Comm const& comm) {
  auto sums = log.counts();
  comm.all_sum(sums);
  log.set_counts(sums);
  for (auto& layer : log.layers_) {
    auto own = layer.strongest.release();
    std::uint64_t candidates = own.size();
    comm.all_sum({&candidates, 1});
    auto const keep = static_cast<std::uint64_t>(log.keep());
    if (candidates > keep && keep > 0) {
      auto const cut = cut_of(own, keep, comm);
      own.erase(std::find_if(own.begin(), own.end(),
                             [cut](Event const& event) { return key_of(event) < cut; }),
                own.end());
    }
    exchange(own, comm, [&](Event const& event) { layer.strongest.offer(event); });
  }
}

} // namespace fod::events
