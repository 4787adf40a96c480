#pragma once

#include <algorithm>
#include <cstdint>

namespace fod {

/// A half-open run of indices, `begin <= i < end`.
struct IndexRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  [[nodiscard]] constexpr std::int64_t size() const { return end - begin; }
  [[nodiscard]] constexpr bool empty() const { return end <= begin; }
  [[nodiscard]] constexpr bool contains(std::int64_t i) const { return begin <= i && i < end; }
  constexpr bool operator==(IndexRange const&) const = default;
};

/// The common part of two ranges; empty (at `a.begin`'s side) if they do not meet.
constexpr IndexRange intersect(IndexRange a, IndexRange b) {
  auto const begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

/// The part of `items` that part `index` of `parts` takes: contiguous, in order, sizes differing
/// by one at most, the larger ones first. Parts beyond the number of items are empty.
constexpr IndexRange shard_of(IndexRange items, std::int64_t parts, std::int64_t index) {
  auto const base = items.size() / parts;
  auto const larger = items.size() % parts;
  auto const begin = items.begin + index * base + std::min(index, larger);
  return {begin, begin + base + (index < larger ? 1 : 0)};
}

/// The part that takes `item`: the inverse of `shard_of`.
constexpr std::int64_t owner_of(IndexRange items, std::int64_t parts, std::int64_t item) {
  auto const base = items.size() / parts;
  auto const larger = items.size() % parts;
  auto const offset = item - items.begin;
  auto const in_larger = larger * (base + 1);
  return offset < in_larger ? offset / (base + 1) : larger + (offset - in_larger) / base;
}

/// The global grid of batches and blocks over a dataset. A block is a fixed run of whole batches,
/// the unit of ledger, checksum, seeds and moments: about 4,096 samples, fewer when the dataset is
/// small so that there are some 256 blocks, one batch at least. It depends on the number of
/// samples and on the batch size alone, never on the ranks.
class BlockGrid {
public:
  static constexpr std::int64_t target_block_size = 4096;
  static constexpr std::int64_t target_block_count = 256;

  constexpr BlockGrid() = default;
  /// @param samples number of samples of the whole dataset, >= 0
  /// @param batch_size samples of one forward, >= 1
  constexpr BlockGrid(std::int64_t samples, std::int64_t batch_size)
      : samples_(samples), batch_size_(batch_size),
        block_size_(batches_per_block(samples, batch_size) * batch_size) {}

  [[nodiscard]] constexpr std::int64_t samples() const { return samples_; }
  [[nodiscard]] constexpr std::int64_t batch_size() const { return batch_size_; }
  [[nodiscard]] constexpr std::int64_t block_size() const { return block_size_; }
  [[nodiscard]] constexpr std::int64_t block_count() const {
    return (samples_ + block_size_ - 1) / block_size_;
  }
  /// The samples of a block; the last block may be short.
  [[nodiscard]] constexpr IndexRange samples_of(std::int64_t block) const {
    return {block * block_size_, std::min(samples_, (block + 1) * block_size_)};
  }
  /// The samples of a run of blocks.
  [[nodiscard]] constexpr IndexRange samples_of(IndexRange blocks) const {
    auto const begin = std::min(samples_, blocks.begin * block_size_);
    return {begin, std::max(begin, std::min(samples_, blocks.end * block_size_))};
  }
  /// The blocks that begin in `samples`. Ranges that tile the dataset give runs of blocks that
  /// tile it too, wherever they are cut.
  [[nodiscard]] constexpr IndexRange blocks_of(IndexRange samples) const {
    return {rounded_up(samples.begin), rounded_up(samples.end)};
  }
  constexpr bool operator==(BlockGrid const&) const = default;

private:
  static constexpr std::int64_t batches_per_block(std::int64_t samples, std::int64_t batch_size) {
    auto const share = (samples + target_block_count - 1) / target_block_count;
    return std::max<std::int64_t>(1, std::min(target_block_size, share) / batch_size);
  }
  [[nodiscard]] constexpr std::int64_t rounded_up(std::int64_t sample) const {
    auto const inside = std::clamp<std::int64_t>(sample, 0, samples_);
    return (inside + block_size_ - 1) / block_size_;
  }

  std::int64_t samples_ = 0;
  std::int64_t batch_size_ = 1;
  std::int64_t block_size_ = 1;
};

} // namespace fod
