#pragma once

#include "fod/moment_accumulator.hpp"

#include <vector>

namespace fod {

/// The largest whole number of units that goes to the low limb: all blocks together stay below
/// 2^62.
double low_limit(MomentShape const& shape);

/// What a block's columns look like, on the host.
struct BlockColumns {
  std::int64_t block = 0;
  std::int64_t rows = 0;
  std::span<double const> mean;    ///< of x'
  std::span<double const> residue; ///< sums of what was left of x' - mean after its rounding
  std::span<double const> squares; ///< sums of squares of that, within a percent
  std::span<float const> smallest; ///< of x, by neuron
  std::span<float const> largest;
};

/// How wide a block's products are. No product is larger than the largest square, so the columns
/// alone tell, before anything is added.
enum class Range {
  quick, ///< below 2^51 units
  low,   ///< in the low limb
  both,  ///< some need the high limb
};

/// Adds to `moments` all but products and sums per class. @return the range of the block's products
/// @throws Error (failed) naming the neuron whose values are beyond all range, or not finite
Range settle_block(Moments& moments, MomentShape const& shape, BlockColumns const& columns,
                   std::span<double> means);

/// Moments without a sample; `products` and sums per class are left empty if they lie elsewhere.
Moments empty_moments(MomentShape const& shape, MomentScale scale, bool on_host);

/// One twin.
struct MomentAccumulator::Impl {
  Impl(MomentShape const& of_layer, MomentScale scale, bool on_host)
      : shape(of_layer), moments(empty_moments(of_layer, std::move(scale), on_host)) {}
  virtual ~Impl() = default;
  Impl(Impl const&) = delete;
  Impl& operator=(Impl const&) = delete;

  [[nodiscard]] virtual float* batch() const = 0;
  virtual void append(std::int64_t rows, RowFacts const& facts, StreamView stream) = 0;
  virtual void end_block(std::int64_t block, StreamView stream) = 0;
  virtual void drop_block() = 0;
  /// Everything that was put off is in the sums after this.
  virtual void flush() = 0;
  virtual void reduce(Comm const& comm, NcclComm const* nccl, StreamView stream) = 0;
  /// Products and sums per class are in `moments` after this.
  virtual void fetch(StreamView stream) = 0;

  MomentShape shape;
  Moments moments;
};

std::unique_ptr<MomentAccumulator::Impl> host_moments(MomentShape const& shape, MomentScale scale,
                                                      int threads);
std::unique_ptr<MomentAccumulator::Impl> device_moments(MomentShape const& shape,
                                                        MomentScale scale);
MomentMemory host_moment_memory(MomentShape const& shape, int threads);
MomentMemory device_moment_memory(MomentShape const& shape);

} // namespace fod
