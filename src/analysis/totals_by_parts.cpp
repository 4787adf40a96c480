#include "fod/totals_by_parts.hpp"

#include <algorithm>

namespace fod {

namespace {

constexpr std::int64_t least_rows_bytes = std::int64_t{1} << 20; ///< worth a thread
constexpr std::int64_t most_sums_bytes = std::int64_t{64} << 20; ///< of all threads

std::int64_t useful_parts(store::Layout const& layout, std::int64_t sums, int ranks, int threads) {
  std::int64_t bytes = 0;
  for (auto const& section : store::sections(layout)) {
    bytes += section.row_bytes() * (layout.samples().size() / ranks);
  }
  auto const sum_bytes = sums * static_cast<std::int64_t>(sizeof(std::uint64_t));
  auto const most = std::min({std::int64_t{threads}, bytes / least_rows_bytes,
                              layout.blocks.size() / ranks, most_sums_bytes / sum_bytes});
  return std::max<std::int64_t>(1, most);
}

} // namespace

TotalsByParts::TotalsByParts(store::Layout const& layout, int ranks, int threads) {
  Totals first(layout);
  auto const parts = useful_parts(layout, std::ssize(first.sums()), ranks, threads);
  totals_.assign(static_cast<std::size_t>(parts), first);
}

std::vector<store::RowVisitor*> TotalsByParts::visitors() {
  std::vector<store::RowVisitor*> all;
  for (auto& part : totals_) {
    all.push_back(&part);
  }
  return all;
}

Totals TotalsByParts::joined() const {
  auto all = totals_.front();
  std::for_each(totals_.begin() + 1, totals_.end(), [&](Totals const& part) { all.add(part); });
  return all;
}

} // namespace fod
