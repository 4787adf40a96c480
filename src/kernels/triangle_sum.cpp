#include "moments_host.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace fod {

namespace {

using product::panel;

constexpr std::int64_t tile_size = panel * panel;

/// Panels per side of a group of tiles: large for the cache's sake, smaller if threads would wait.
std::int64_t group_size(std::int64_t panels, std::int64_t threads, bool several_blocks) {
  std::int64_t size = several_blocks ? 4 : 8; // a thread's sums are to stay in its cache
  auto const groups = [&] {
    auto const side = (panels + size - 1) / size;
    return triangle_size(side);
  };
  while (size > 1 && threads > 1 && groups() < 4 * threads) {
    size /= 2;
  }
  return size;
}

std::size_t bytes_of(std::int64_t count, std::size_t size) {
  return static_cast<std::size_t>(count) * size;
}

} // namespace

/// One group of tiles, by one thread.
struct TriangleSum::Work {
  TriangleSum const& owner;
  Blocks const& blocks;
  std::array<HalfMoments, 2>& halves;
  Group group;
  float* products = nullptr;
  std::int64_t* sums = nullptr;

  [[nodiscard]] std::int64_t last_row() const {
    return std::min(group.first_row + owner.group_, owner.panels_);
  }
  [[nodiscard]] std::int64_t last_column() const {
    return std::min(group.first_column + owner.group_, owner.panels_);
  }
  [[nodiscard]] std::int64_t columns_of(std::int64_t right) const {
    return std::min(panel, owner.width_ - right * panel);
  }
  [[nodiscard]] std::int64_t tile_of(std::int64_t left, std::int64_t right) const {
    return ((left - group.first_row) * owner.group_ + right - group.first_column) * tile_size;
  }
  [[nodiscard]] std::int64_t* sums_of(std::int64_t parity) const {
    return sums + parity * owner.group_ * owner.group_ * tile_size;
  }
  /// Calls `visit(left, right)` for the tiles of the group that are in the triangle.
  template <class Visit>
  void for_tiles(Visit const& visit) const {
    for (auto right = group.first_column; right < last_column(); ++right) {
      for (auto left = group.first_row; left < std::min(last_row(), right + 1); ++left) {
        visit(left, right);
      }
    }
  }
  /// Calls `visit(row, i, right, begin)` for rows i of tiles, whose entries begin at `begin` (on
  /// the diagonal), row by row of the triangle.
  template <class Visit>
  void for_rows(Visit const& visit) const {
    for (auto left = group.first_row; left < last_row(); ++left) {
      for (std::int64_t i = 0; i < columns_of(left); ++i) {
        for (auto right = std::max(left, group.first_column); right < last_column(); ++right) {
          visit(left, i, right, left == right ? i : 0);
        }
      }
    }
  }
  [[nodiscard]] std::int64_t at(std::int64_t left, std::int64_t i, std::int64_t right,
                                std::int64_t j) const {
    return triangle_index(owner.width_, left * panel + i, right * panel + j);
  }
  [[nodiscard]] double const* means_of(std::size_t block) const {
    return blocks.means.data() + static_cast<std::int64_t>(block) * owner.panels_ * panel;
  }

  void multiply(PendingBlock const& block) const {
    for (std::int64_t k = 0; k < block.rows; k += product::chunk) {
      for_tiles([&](std::int64_t left, std::int64_t right) {
        auto const rows_at = [&](std::int64_t p) {
          return blocks.packed + (p * blocks.panel_rows + block.begin + k) * panel;
        };
        owner.kernels_.multiply(rows_at(left), rows_at(right),
                                std::min(product::chunk, block.rows - k), columns_of(right),
                                left == right, k > 0, products + tile_of(left, right));
      });
    }
  }

  /// to = where row i of a tile goes, beginning with column `begin` of the tile.
  void convert(std::size_t index, std::int64_t left, std::int64_t i, std::int64_t right,
               std::int64_t begin, std::int64_t* to) const {
    auto const& block = blocks.list[index];
    auto const* means = means_of(index);
    auto const by = static_cast<double>(block.rows) * means[left * panel + i] * blocks.unit;
    auto const run =
        block.range == Range::quick ? owner.kernels_.convert : owner.kernels_.convert_large;
    run(products + tile_of(left, right) + i * panel + begin, blocks.unit, by,
        means + right * panel + begin, columns_of(right) - begin, to);
  }

  void convert_wide(std::size_t index, FixedSums& to) const {
    auto const& block = blocks.list[index];
    auto const* means = means_of(index);
    for_rows([&](std::int64_t left, std::int64_t i, std::int64_t right, std::int64_t begin) {
      auto const by = static_cast<double>(block.rows) * means[left * panel + i] * blocks.unit;
      for (auto j = begin; j < columns_of(right); ++j) {
        auto const c = static_cast<double>(products[tile_of(left, right) + i * panel + j]);
        to.add(static_cast<std::size_t>(at(left, i, right, j)),
               c * blocks.unit + by * means[right * panel + j], blocks.low_limit);
      }
    });
  }

  void run() const {
    std::array<bool, 2> used{};
    for (std::size_t index = 0; index < blocks.list.size(); ++index) {
      auto const& block = blocks.list[index];
      auto const parity = block.block % 2;
      auto& to = halves[static_cast<std::size_t>(parity)].products;
      multiply(block);
      if (block.range == Range::both) {
        convert_wide(index, to);
      } else if (blocks.list.size() == 1) {
        for_rows([&](std::int64_t left, std::int64_t i, std::int64_t right, std::int64_t begin) {
          convert(index, left, i, right, begin, to.low.data() + at(left, i, right, begin));
        });
      } else {
        collect(index, !used[static_cast<std::size_t>(parity)]);
        used[static_cast<std::size_t>(parity)] = true;
      }
    }
    for (std::size_t parity = 0; parity < used.size(); ++parity) {
      if (used[parity]) {
        deliver(static_cast<std::int64_t>(parity), halves[parity].products);
      }
    }
  }

  /// Adds a block to the sums of the group.
  void collect(std::size_t index, bool first) const {
    auto* const to = sums_of(blocks.list[index].block % 2);
    if (first) {
      std::memset(to, 0, bytes_of(owner.group_ * owner.group_ * tile_size, sizeof *to));
    }
    for_tiles([&](std::int64_t left, std::int64_t right) {
      for (std::int64_t i = 0; i < columns_of(left); ++i) {
        auto const begin = left == right ? i : 0;
        convert(index, left, i, right, begin, to + tile_of(left, right) + i * panel + begin);
      }
    });
  }

  /// Adds the sums of the group to the triangle.
  void deliver(std::int64_t parity, FixedSums& to) const {
    for_rows([&](std::int64_t left, std::int64_t i, std::int64_t right, std::int64_t begin) {
      owner.kernels_.add(sums_of(parity) + tile_of(left, right) + i * panel + begin,
                         columns_of(right) - begin, to.low.data() + at(left, i, right, begin));
    });
  }
};

TriangleSum::TriangleSum(std::int64_t width, int threads, bool several_blocks)
    : width_(width), panels_(panels(width)), group_(group_size(panels_, threads, several_blocks)),
      several_(several_blocks), kernels_(*product::available().front()),
      products_(bytes_of(threads * group_ * group_ * tile_size, sizeof(float)),
                Buffer::Place::host),
      sums_(several_ ? bytes_of(2 * group_ * group_ * tile_size * threads, sizeof(std::int64_t))
                     : 0,
            Buffer::Place::host) {
  for (std::int64_t left = 0; left < panels_; left += group_) {
    for (std::int64_t right = left; right < panels_; right += group_) {
      groups_.push_back({left, right});
    }
  }
}

void TriangleSum::add(Blocks const& blocks, std::array<HalfMoments, 2>& halves, Workers& workers) {
  auto const size = group_ * group_ * tile_size;
  workers.run(std::ssize(groups_), [&](std::int64_t task, int thread) {
    Work const work{*this,
                    blocks,
                    halves,
                    groups_[static_cast<std::size_t>(task)],
                    products_.as<float>().data() + thread * size,
                    sums_.as<std::int64_t>().data() + 2 * size * thread};
    work.run();
  });
}

std::int64_t TriangleSum::panels(std::int64_t width) {
  return (width + panel - 1) / panel;
}

std::int64_t TriangleSum::scratch_bytes(std::int64_t width, int threads, bool several_blocks) {
  auto const side = group_size(panels(width), threads, several_blocks);
  return threads * side * side * tile_size * (several_blocks ? 4 + 2 * 8 : 4);
}

} // namespace fod
