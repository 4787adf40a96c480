#include "fod/moments.hpp"
#include "fod/error.hpp"

#include <algorithm>
#include <functional>

namespace fod {

namespace {

/// A neuron with a value beyond the room has no sums per class: what wrapped must leave no trace.
void clear_missing(Moments& moments) {
  auto const columns = static_cast<std::size_t>(moments.neurons);
  for (std::size_t j = 0; j < moments.class_missing.size(); ++j) {
    for (std::size_t at = j; moments.class_missing[j] != 0 && at < moments.class_sums.size();
         at += columns) {
      moments.class_sums[at] = 0;
    }
  }
}

} // namespace

void HalfMoments::add(HalfMoments const& other) {
  count += other.count;
  blocks += other.blocks;
  sums.add(other.sums);
  products.add(other.products);
}

HalfMoments Moments::whole() const {
  auto all = halves[0];
  all.add(halves[1]);
  return all;
}

void Moments::canonicalise() {
  for (auto& half : halves) {
    half.sums.canonicalise();
    half.products.canonicalise();
  }
  clear_missing(*this);
  for (auto* extremes : {&smallest, &largest}) {
    std::replace(extremes->begin(), extremes->end(), -0.0F, 0.0F); // of equals, always the same
  }
}

void Moments::add(Moments const& other) {
  if (neurons != other.neurons || appended != other.appended || classes != other.classes ||
      scale != other.scale) {
    throw run_failure("moments of different layers cannot be added",
                      "their neurons, columns, classes or scales differ",
                      "merge files of one model, one dataset and one batch size");
  }
  for (std::size_t parity = 0; parity < halves.size(); ++parity) {
    halves[parity].add(other.halves[parity]);
  }
  for (std::size_t j = 0; j < smallest.size(); ++j) {
    smallest[j] = std::min(smallest[j], other.smallest[j]);
    largest[j] = std::max(largest[j], other.largest[j]);
  }
  auto const add_all = [](auto& to, auto const& from) {
    std::transform(to.begin(), to.end(), from.begin(), to.begin(), std::plus<>());
  };
  add_all(class_counts, other.class_counts);
  add_all(class_sums, other.class_sums);
  std::transform(class_missing.begin(), class_missing.end(), other.class_missing.begin(),
                 class_missing.begin(), [](auto a, auto b) { return std::max(a, b); });
  canonicalise();
}

} // namespace fod
