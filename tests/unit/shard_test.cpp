#include "fod/shard.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <vector>

using fod::BlockGrid;
using fod::IndexRange;
using fod::owner_of;
using fod::shard_of;

TEST_CASE("shards tile their items, in order, with sizes that differ by one at most") {
  for (std::int64_t first : {0, 5}) {
    for (std::int64_t count = 0; count <= 40; ++count) {
      for (std::int64_t parts = 1; parts <= 12; ++parts) {
        IndexRange const items{first, first + count};
        auto next = items.begin;
        for (std::int64_t part = 0; part < parts; ++part) {
          auto const shard = shard_of(items, parts, part);
          REQUIRE(shard.begin == next);
          REQUIRE(shard.size() >= count / parts);
          REQUIRE(shard.size() <= (count + parts - 1) / parts);
          next = shard.end;
        }
        REQUIRE(next == items.end);
      }
    }
  }
}

TEST_CASE("owner_of is the inverse of shard_of") {
  for (std::int64_t count = 1; count <= 40; ++count) {
    for (std::int64_t parts = 1; parts <= 12; ++parts) {
      IndexRange const items{3, 3 + count};
      for (auto item = items.begin; item < items.end; ++item) {
        auto const part = owner_of(items, parts, item);
        REQUIRE(shard_of(items, parts, part).contains(item));
      }
    }
  }
  static_assert(owner_of({0, 10}, 3, 9) == 2);
}

TEST_CASE("blocks are whole batches, about 4,096 samples or some 256 blocks") {
  CHECK(BlockGrid(0, 64).block_count() == 0);
  CHECK(BlockGrid(1, 64).block_size() == 64);
  CHECK(BlockGrid(1797, 64).block_count() == 29);
  CHECK(BlockGrid(1000000, 64).block_size() == 3904); // 61 batches
  CHECK(BlockGrid(100000000, 64).block_size() == 4096);
  CHECK(BlockGrid(100000000, 5000).block_size() == 5000); // one batch at least
  for (std::int64_t samples : {1, 63, 64, 65, 1797, 70000, 1281167}) {
    for (std::int64_t batch : {1, 7, 64, 100, 4096}) {
      BlockGrid const grid(samples, batch);
      REQUIRE(grid.block_size() % batch == 0);
      REQUIRE(grid.samples_of(IndexRange{0, grid.block_count()}) == IndexRange{0, samples});
      auto next = std::int64_t{0};
      for (std::int64_t block = 0; block < grid.block_count(); ++block) {
        REQUIRE(grid.samples_of(block).begin == next);
        REQUIRE(!grid.samples_of(block).empty());
        next = grid.samples_of(block).end;
      }
      REQUIRE(next == samples);
    }
  }
}

TEST_CASE("ranges of samples that tile the dataset give blocks that tile it") {
  BlockGrid const grid(1797, 64);
  std::vector<std::int64_t> const cuts{0, 1, 63, 64, 65, 900, 901, 1796, 1797};
  for (auto const cut : cuts) {
    for (auto const second : cuts) {
      if (cut <= second) {
        auto const a = grid.blocks_of({0, cut});
        auto const b = grid.blocks_of({cut, second});
        auto const c = grid.blocks_of({second, 1797});
        REQUIRE(a.begin == 0);
        REQUIRE(a.end == b.begin);
        REQUIRE(b.end == c.begin);
        REQUIRE(c.end == grid.block_count());
      }
    }
  }
  CHECK(grid.blocks_of({0, 1 << 30}).end == 29);
  CHECK(grid.blocks_of({500, std::numeric_limits<std::int64_t>::max()}) == IndexRange{8, 29});
}
