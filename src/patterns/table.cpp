#include "fod/patterns.hpp"

#include <algorithm>

namespace fod {

PatternTable::PatternTable(LayerPattern const& layer) : mean(layer.mean), offsets{0} {
  for (auto const deviation : layer.deviation) {
    inverse.push_back(deviation > 0 ? 1 / deviation : 0);
  }
  for (std::size_t g = 0; g < layer.groups.size(); ++g) {
    auto const& group = layer.groups[g];
    for (std::size_t m = 0; m < group.size(); ++m) {
      members.push_back(group[m]);
      weights.push_back(layer.signs[g][m] * inverse[static_cast<std::size_t>(group[m])] /
                        static_cast<double>(group.size()));
    }
    offsets.push_back(std::ssize(members));
  }
}

PatternSpec PatternTable::spec() const {
  auto const alive = std::count_if(inverse.begin(), inverse.end(), [](double x) { return x > 0; });
  return {0,
          std::ssize(mean),
          std::ssize(offsets) - 1,
          alive,
          mean.data(),
          inverse.data(),
          members.data(),
          offsets.data(),
          weights.data()};
}

HostPatterns::HostPatterns(LayerPattern const& layer, std::int64_t most_rows, int threads)
    : table_(layer), threads_(threads),
      centers_(static_cast<std::size_t>(most_rows * std::ssize(layer.groups))),
      mean_(static_cast<std::size_t>(most_rows)), deviation_(mean_.size()) {}

PatternView HostPatterns::run(float const* values, std::int64_t rows) {
  auto spec = table_.spec();
  spec.rows = rows;
  PatternView const view{centers_.data(), mean_.data(), deviation_.data()};
  host::patterns(values, spec, view, threads_);
  return view;
}

} // namespace fod
