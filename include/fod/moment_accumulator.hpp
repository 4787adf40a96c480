#pragma once

#include "fod/device.hpp"
#include "fod/moments.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace fod {

class Comm;
class NcclComm;

/// Sizes of a layer's moments.
struct MomentShape {
  std::int64_t neurons = 0;
  std::int64_t appended = 0;    ///< columns that go with the sample: entropy, confidence, error
  std::int64_t classes = 0;     ///< 0: no sums per class
  std::int64_t block_rows = 0;  ///< most rows of a block, padding of its last batch included
  std::int64_t block_count = 0; ///< of the whole grid, whoever runs the blocks

  [[nodiscard]] std::int64_t width() const { return neurons + appended; }
};

/// Beyond this many sums per class (classes * neurons) there are to be none.
inline constexpr std::int64_t most_class_sums = std::int64_t{1} << 27;

/// What goes with the activations of a batch, by row, on the host.
struct RowFacts {
  std::span<std::uint8_t const> counts;  ///< 0: the row is left out; empty: all rows count
  std::span<float const> appended;       ///< (rows, appended), row-major
  std::span<std::int32_t const> classes; ///< below 0: none; empty: none for all rows
};

/// Bytes that an accumulator holds at most, the second limb left out, which comes only where the
/// range of the activations asks for it (as much again as `limb`).
struct MomentMemory {
  std::int64_t host = 0;
  std::int64_t device = 0;
  std::int64_t limb = 0; ///< of that, the limb of both halves, where the model runs
};

/// Sums a layer's activations into its moments, on the CPU or on the GPU, as the model runs. The
/// sums are exact integers: the order of blocks, the ranks and the threads leave no trace in them;
/// what is rounded (a product of a block's centred columns in float32) depends on the rows of the
/// block alone.
///
/// Per block: columns are centred by their own mean over the block (in float64), multiplied in
/// float32, and brought back by the pairwise update of Chan, Golub and LeVeque ("Algorithms for
/// Computing the Sample Variance", 1983), so that a block of another mean than block 0 costs no
/// digits. All calls name the stream on which the activations come.
class MomentAccumulator {
public:
  /// @param threads of the host; those of all accumulators are shared
  MomentAccumulator(Device const& device, MomentShape const& shape, MomentScale scale, int threads);
  ~MomentAccumulator();
  MomentAccumulator(MomentAccumulator&&) noexcept;
  MomentAccumulator& operator=(MomentAccumulator&&) noexcept;
  MomentAccumulator(MomentAccumulator const&) = delete;
  MomentAccumulator& operator=(MomentAccumulator const&) = delete;

  /// Where the pooled activations of the next batch go: float32, (rows, neurons), where the model
  /// runs, with room for the rows that are left of the block. Another place after each `append`.
  [[nodiscard]] float* batch() const;
  /// Takes the first `rows` rows of `batch()` into the current block. `facts` are read at once.
  void append(std::int64_t rows, RowFacts const& facts, StreamView stream);
  /// The rows since the last call were block `block` of the grid. A block without any is none.
  /// @throws Error (failed) naming the neuron whose values are beyond all range, or not finite
  void end_block(std::int64_t block, StreamView stream);
  /// Forgets the rows since the last `end_block`.
  void drop_block();
  /// The sums over the blocks so far, on the host, valid until the next call. Between blocks only.
  [[nodiscard]] Moments const& sums(StreamView stream);
  /// Sums over ranks, between GPUs where `nccl` is given. Collective. @throws Error
  void reduce(Comm const& comm, NcclComm const* nccl, StreamView stream);
  /// The sums, on the host, in the form that the numbers alone decide. Once.
  [[nodiscard]] Moments take(StreamView stream);

  /// What an accumulator of this shape will hold.
  static MomentMemory memory(MomentShape const& shape, bool on_device, int threads);

  struct Impl;

private:
  std::unique_ptr<Impl> impl_;
};

} // namespace fod
