#include "blocks.hpp"

#include "plausible.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>

namespace fod::store {

void IdEvidence::add(std::int64_t id) {
  ++count;
  sum += static_cast<std::uint64_t>(id);
  hash += checksum_of({reinterpret_cast<char const*>(&id), sizeof id});
}

IdEvidence& IdEvidence::operator+=(IdEvidence const& other) {
  count += other.count;
  sum += other.sum;
  hash += other.hash;
  return *this;
}

IdEvidence evidence_of(IndexRange ids) {
  IdEvidence evidence;
  for (auto id = ids.begin; id < ids.end; ++id) {
    evidence.add(id);
  }
  return evidence;
}

namespace {
constexpr std::int64_t piece_bytes = std::int64_t{4} << 20;
}

BlockScanner::BlockScanner(ResultReader const& reader, Ledger const& ledger)
    : BlockScanner(reader, ledger, reader.layout().blocks) {}

BlockScanner::BlockScanner(ResultReader const& reader, Ledger const& ledger, IndexRange part)
    : reader_(reader), blocks_(part), sections_(ledger.sections), order_(sections_.size()) {
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::stable_partition(order_.begin(), order_.end(),
                        [&](std::size_t s) { return sections_[s].path != "/distributions"; });
  auto const blocks = reader.layout().blocks.size();
  auto const done = reader.file().dataset(done_of(ledger));
  auto const checksums = reader.file().dataset(checksums_of(ledger));
  Shape const expected{blocks, static_cast<std::int64_t>(sections_.size())};
  bool const fits = done.shape() == Shape{blocks} && checksums.shape() == expected &&
                    done.can_hold(blocks) && checksums.can_hold(blocks);
  if (!fits) {
    throw bad_input(reader.path() + " is damaged", "its ledger does not fit its blocks",
                    "make it again, or restore it from a backup");
  }
  auto const first = reader.layout().blocks.begin;
  IndexRange const rows{part.begin - first, part.end - first};
  for (auto const& section : sections_) {
    windows_.emplace_back(reader, section, rows_of(part));
  }
  done_.resize(static_cast<std::size_t>(rows.size()));
  checksums_.resize(done_.size() * sections_.size());
  if (rows.empty()) {
    return;
  }
  done.read(rows, ElementType::uint8, done_.data());
  checksums.read(rows, ElementType::uint64, checksums_.data());
  if (is_first(ledger) && reader.has(inputs_of(ledger))) {
    auto const& file = reader.file();
    auto const inputs = file.dataset(inputs_of(ledger));
    auto const micro_batches = file.dataset(micro_batches_of(ledger));
    for (auto const* dataset : {&inputs, &micro_batches}) {
      require_sane(file, ledger.path,
                   dataset->shape() == Shape{blocks} && dataset->can_hold(blocks));
    }
    inputs_.resize(done_.size());
    micro_batches_.resize(done_.size());
    inputs.read(rows, ElementType::uint64, inputs_.data());
    micro_batches.read(rows, ElementType::int64, micro_batches_.data());
  }
}

std::vector<std::uint64_t> BlockScanner::scan(std::int64_t block, Piece const& piece) {
  auto const rows = rows_of({block, block + 1});
  std::vector<std::uint64_t> digests(sections_.size());
  for (auto const s : order_) {
    auto const& section = sections_[s];
    Checksum checksum;
    auto const step = std::max<std::int64_t>(1, piece_bytes / section.row_bytes());
    for (auto begin = rows.begin; begin < rows.end; begin += step) {
      IndexRange const part{begin, std::min(rows.end, begin + step)};
      auto const* const data = windows_[s].at(part);
      checksum.update(data, static_cast<std::size_t>(part.size() * section.row_bytes()));
      piece(s, part, data);
    }
    digests[s] = checksum.digest();
  }
  return digests;
}

IndexRange BlockScanner::rows_of(IndexRange blocks) const {
  auto const& layout = reader_.layout();
  auto const samples = layout.grid.samples_of(blocks);
  auto const first = layout.samples().begin;
  return {samples.begin - first, samples.end - first};
}

bool BlockScanner::done(std::int64_t block) const {
  return done_[row_of(block)] == 1;
}

BlockFacts BlockScanner::facts(std::int64_t block) const {
  if (inputs_.empty()) {
    return {};
  }
  return {inputs_[row_of(block)], micro_batches_[row_of(block)]};
}

std::uint64_t BlockScanner::recorded(std::int64_t block, std::size_t section) const {
  return checksums_[row_of(block) * sections_.size() + section];
}

} // namespace fod::store
