#pragma once

#include "fod/workers.hpp"
#include "moments.hpp"
#include "product.hpp"

namespace fod {

/// A block whose rows wait to be multiplied.
struct PendingBlock {
  std::int64_t block = 0;
  std::int64_t begin = 0; ///< its first row in the buffer
  std::int64_t rows = 0;
  Range range = Range::quick;
};

/// The products of several blocks, tile by tile. A tile of the triangle stays in the cache while
/// all waiting blocks are added to it: small blocks would otherwise spend their time moving the
/// sums.
class TriangleSum {
public:
  TriangleSum(std::int64_t width, int threads, bool several_blocks);

  /// What the waiting blocks have in common.
  struct Blocks {
    std::span<PendingBlock const> list;
    float const* packed = nullptr; ///< panel after panel
    std::int64_t panel_rows = 0;   ///< of the buffer, from one panel to the next
    std::span<double const> means; ///< (blocks, width rounded up to panels)
    double unit = 0;               ///< 2^bits
    double low_limit = 0;
  };
  /// Adds to the products of both halves, by the parity of the blocks.
  void add(Blocks const& blocks, std::array<HalfMoments, 2>& halves, Workers& workers);

  static std::int64_t panels(std::int64_t width);
  /// Bytes of scratch.
  static std::int64_t scratch_bytes(std::int64_t width, int threads, bool several_blocks);

private:
  struct Group {
    std::int64_t first_row = 0; ///< panels
    std::int64_t first_column = 0;
  };
  /// One group of tiles, by one thread.
  struct Work;

  std::int64_t width_;
  std::int64_t panels_;
  std::int64_t group_; ///< panels per side of a group
  bool several_;
  product::Kernels const& kernels_;
  std::vector<Group> groups_;
  Buffer products_; ///< of each thread: a group of tiles in float32
  Buffer sums_;     ///< of each thread: two groups of tiles in int64
};

} // namespace fod
