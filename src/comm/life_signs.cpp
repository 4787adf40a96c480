#include "fod/monitor.hpp"

#include <algorithm>

namespace fod {

double StallClock::pass(double seconds, bool owed, std::uint64_t steps) {
  stalled_ = owed && steps == steps_ ? stalled_ + seconds : 0;
  steps_ = steps;
  return stalled_;
}

void LifeSigns::pass(double seconds) {
  for (auto& rank : ranks_) {
    rank.silence += seconds;
  }
}

void LifeSigns::heard(std::size_t rank, Beat beat) {
  ranks_[rank] = {0, beat};
}

bool LifeSigns::all_left() const {
  return std::all_of(ranks_.begin(), ranks_.end(),
                     [](Rank const& rank) { return rank.beat.leaving; });
}

std::optional<LifeSigns::Suspect> LifeSigns::suspect(double timeout) const {
  for (bool const silent : {true, false}) {
    std::optional<Suspect> first;
    for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
      auto const seconds = silent ? ranks_[rank].silence : ranks_[rank].beat.stalled;
      if (left(rank) || seconds <= timeout) {
        continue;
      }
      if (first) {
        ++first->others;
      } else {
        first = Suspect{rank, seconds, silent, 0};
      }
    }
    if (first) {
      return first;
    }
  }
  return std::nullopt;
}

} // namespace fod
