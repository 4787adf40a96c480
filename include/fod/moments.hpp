#pragma once

#include "fod/shard.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

/// Sums over samples from which means, standard deviations and correlations of a layer's neurons
/// follow. They are integers in fixed point, so they depend neither on the order of blocks nor on
/// the ranks, and those of shards add exactly.
namespace fod {

class Comm;

/// Number of entries of the packed upper triangle of a (width, width) matrix: row i holds the
/// columns i, i + 1, ….
constexpr std::int64_t triangle_size(std::int64_t width) {
  return width * (width + 1) / 2;
}
constexpr std::int64_t triangle_index(std::int64_t width, std::int64_t row, std::int64_t column) {
  return row * width - row * (row - 1) / 2 + (column - row);
}

/// Largest |x'| that sums per class have room for.
inline constexpr double class_room = 1048576; // 2^20

/// How the columns of a layer (its neurons, then appended ones) become integers: x' = (x - shift) *
/// scale is about of unit variance in block 0, and a number is counted in units of 2^-bits. Settled
/// at the probe, the same on all ranks.
struct MomentScale {
  std::vector<double> shift;
  std::vector<double> scale;
  int bits = 0;       ///< of sums and products over a block
  int class_bits = 0; ///< of the sums per class, which take single samples with |x'| < 2^20

  [[nodiscard]] std::int64_t width() const { return static_cast<std::int64_t>(shift.size()); }
  bool operator==(MomentScale const&) const = default;
};

/// The unit that leaves room for every block of the grid: products of 64 times unit variance stay
/// in 63 bits, larger ones take a second limb.
int moment_bits(BlockGrid const& grid);
int class_sum_bits(std::int64_t samples);

/// Shift and scale from the columns of block 0, (rows, width) row-major: mean (rounded to float32,
/// so that a constant column gives exactly 0) and 1 / standard deviation. A column that is constant
/// there takes the median scale of the others.
MomentScale find_scale(std::span<float const> values, std::int64_t rows, std::int64_t width,
                       BlockGrid const& grid);

/// Weight of the second limb.
inline constexpr int limb_bits = 40;
/// What a limb stays below, so that the sum of two of them can be told from an overflow.
inline constexpr std::int64_t limb_room = std::int64_t{1} << 62;

/// A number of units, taken apart: low in [0, 2^40).
struct Digits {
  std::int64_t low = 0;
  std::int64_t high = 0;
};
/// @param units a whole number below 2^102
constexpr Digits split(double units) {
  constexpr auto weight = static_cast<double>(std::int64_t{1} << limb_bits);
  auto high = static_cast<std::int64_t>(units / weight); // exact: a power of two
  if (static_cast<double>(high) * weight > units) {
    --high;
  }
  return {static_cast<std::int64_t>(units - static_cast<double>(high) * weight), high};
}

/// Sums in fixed point: entry i is low[i] + high[i] * 2^40 units. `high` is empty as long as no
/// block needed it.
struct FixedSums {
  std::vector<std::int64_t> low;
  std::vector<std::int64_t> high;

  /// Entry i in units. @param bits of the unit 2^-bits
  [[nodiscard]] long double value(std::size_t i, int bits) const;
  /// Carries into the form that only the numbers decide: `high` is empty if every entry fits below
  /// 2^62, else low is in [0, 2^40).
  void canonicalise();
  void add(FixedSums const& other);
  /// Adds round(units) to entry i: to the low limb if that is below `limit`, else to both.
  void add(std::size_t i, double units, double limit);
  /// Gives every entry a second limb.
  void widen();
  /// Makes every low limb a digit in [0, 2^40), whatever that takes.
  void spread();
  bool operator==(FixedSums const&) const = default;
};

/// Sums over the even or the odd blocks.
struct HalfMoments {
  std::int64_t count = 0;  ///< samples
  std::int64_t blocks = 0; ///< that were summed; each is rounded once, which bounds the error
  FixedSums sums;          ///< of x', by column
  FixedSums products;      ///< of x'_i x'_j, packed upper triangle
  void add(HalfMoments const& other);
  bool operator==(HalfMoments const&) const = default;
};

/// All sums of a layer.
struct Moments {
  std::int64_t neurons = 0;
  std::int64_t appended = 0; ///< columns after the neurons
  std::int64_t classes = 0;
  MomentScale scale;
  std::array<HalfMoments, 2> halves;       ///< even blocks, odd blocks
  std::vector<float> smallest;             ///< by neuron
  std::vector<float> largest;              ///< by neuron
  std::vector<std::int64_t> class_counts;  ///< samples per class
  std::vector<std::int64_t> class_sums;    ///< (classes, neurons) of x', in 2^-class_bits
  std::vector<std::uint8_t> class_missing; ///< by neuron: a value was too large for its class sums

  [[nodiscard]] std::int64_t width() const { return neurons + appended; }
  [[nodiscard]] std::int64_t count() const { return halves[0].count + halves[1].count; }
  /// Even and odd blocks together.
  [[nodiscard]] HalfMoments whole() const;
  /// Adds the moments of other samples of the same layer with the same scale.
  /// @throws Error (failed) if sizes or scales differ
  void add(Moments const& other);
  void canonicalise();
  bool operator==(Moments const&) const = default;
};

/// Sums over the ranks, in place, of what each holds. Collective. Moments come out canonical.
void reduce(FixedSums& sums, Comm const& comm);
void reduce(Moments& moments, Comm const& comm);
/// The same without products and class sums, which may lie on a device.
void reduce_small(Moments& moments, Comm const& comm);

/// Means, standard deviations and correlations of columns.
struct Statistics {
  std::vector<double> mean;        ///< of x itself
  std::vector<double> deviation;   ///< population standard deviation of x; 0 if it cannot be told
  std::vector<double> correlation; ///< (width, width), clipped to [-1, 1], 1 on the diagonal; 0
                                   ///< wherever a column without deviation has part
};
/// Pearson's r = (N sum x'y' - sum x' sum y') / sqrt(…), evaluated in integers of 128 bits (in long
/// double where there is a second limb), so that large means cancel without loss.
Statistics statistics_of(HalfMoments const& half, MomentScale const& scale, int threads = 1);
/// Of all blocks, without a copy of the sums.
Statistics statistics_of(Moments const& moments, int threads = 1);

/// Neurons that say nothing: constant, or with no variance that the fixed point can tell.
/// Ascending.
std::vector<std::int64_t> dead_neurons(Moments const& moments);

} // namespace fod
