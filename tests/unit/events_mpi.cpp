#include "fod/comm.hpp"
#include "fod/events.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using fod::Comm;
using fod::events::EventLog;

namespace {

constexpr std::int64_t count = 3000;

/// A sample of numbers that follow from its index, with many equal strengths.
void look(EventLog& log, std::int64_t sample) {
  for (std::size_t layer = 0; layer < 2; ++layer) {
    auto const number = static_cast<double>((sample * 7919 + 13) % (layer == 0 ? 37 : 2903));
    log.add(layer, sample, std::vector<float>{static_cast<float>(number / 8), 1}, 0.25, 0.5,
            static_cast<std::int32_t>(sample % 3) - 1,
            sample % 5 == 0 ? std::numeric_limits<double>::quiet_NaN() : std::sqrt(number));
  }
}

} // namespace

TEST_CASE("events: the ranks' logs become one, the same everywhere") {
  auto const comm = Comm::world();
  for (std::int64_t const keep : {0, 1, 100, 2500, 1'000'000}) {
    EventLog whole({2, 2}, 2, {0, count}, keep);
    EventLog log({2, 2}, 2, {0, count}, keep);
    for (std::int64_t sample = 0; sample < count; ++sample) {
      look(whole, sample);
      // Ranks take uneven shares; the last of several has none.
      bool const alone = comm.size() == 1;
      if (alone || (comm.rank() + 1 < comm.size() && sample % (comm.size() - 1) == comm.rank())) {
        look(log, sample);
      }
    }
    reduce(log, comm);
    bool const equal = log.serialise() == whole.serialise();
    CHECK(comm.all_min(equal ? 1.0 : 0.0) == 1.0);
  }
}
