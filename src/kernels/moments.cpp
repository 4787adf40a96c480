#include "moments.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace fod {

namespace {

/// What the high limb holds of a block, so that all blocks together stay below 2^62.
double high_limit(MomentShape const& shape) {
  return std::ldexp(low_limit(shape), limb_bits);
}

std::string name_of_column(MomentShape const& shape, std::int64_t column) {
  return column < shape.neurons ? "neuron " + std::to_string(column)
                                : "appended column " + std::to_string(column - shape.neurons);
}

[[noreturn]] void refuse(MomentShape const& shape, MomentScale const& scale, std::int64_t column,
                         BlockColumns const& columns) {
  auto const who = name_of_column(shape, column);
  auto const where = "block " + std::to_string(columns.block);
  if (!std::isfinite(columns.mean[static_cast<std::size_t>(column)])) {
    throw run_failure("the activations of " + who + " cannot be summed",
                      "in " + where + " some are NaN or infinite",
                      "leave the layer out, or find out which samples do that");
  }
  auto const most =
      std::sqrt(std::ldexp(high_limit(shape), -scale.bits) / static_cast<double>(columns.rows));
  std::ostringstream times;
  times.precision(2);
  times << most;
  throw run_failure("the activations of " + who + " cannot be summed",
                    "in " + where + " they are more than " + times.str() +
                        " times as large as in block 0",
                    "shuffle the dataset, so that its first block is a typical one, or leave the "
                    "layer out");
}

} // namespace

double low_limit(MomentShape const& shape) {
  // Digits of the low limb are below 2^40: so many blocks of them still fit.
  if (shape.block_count > limb_room >> limb_bits) {
    throw bad_input(
        "neurons cannot be summed over " + std::to_string(shape.block_count) + " blocks",
        "their sums have room for 4 million", "take a larger batch size, or fewer samples");
  }
  return static_cast<double>(limb_room) /
         static_cast<double>(std::max<std::int64_t>(shape.block_count, 1));
}

Moments empty_moments(MomentShape const& shape, MomentScale scale, bool on_host) {
  auto const neurons = static_cast<std::size_t>(shape.neurons);
  auto const width = static_cast<std::size_t>(shape.width());
  Moments moments;
  moments.neurons = shape.neurons;
  moments.appended = shape.appended;
  moments.classes = shape.classes;
  moments.scale = std::move(scale);
  for (auto& half : moments.halves) {
    half.sums.low.resize(width);
    half.products.low.resize(on_host ? static_cast<std::size_t>(triangle_size(shape.width())) : 0);
  }
  moments.smallest.resize(neurons, std::numeric_limits<float>::infinity());
  moments.largest.resize(neurons, -std::numeric_limits<float>::infinity());
  moments.class_counts.resize(static_cast<std::size_t>(shape.classes));
  moments.class_sums.resize(on_host ? static_cast<std::size_t>(shape.classes) * neurons : 0);
  moments.class_missing.resize(shape.classes > 0 ? neurons : 0);
  return moments;
}

Range settle_block(Moments& moments, MomentShape const& shape, BlockColumns const& columns,
                   std::span<double> means) {
  auto const& scale = moments.scale;
  auto const rows = static_cast<double>(columns.rows);
  auto const unit = std::ldexp(1.0, scale.bits);
  auto& half = moments.halves[static_cast<std::size_t>(columns.block % 2)];
  double largest = 0;
  for (std::size_t j = 0; j < means.size(); ++j) {
    means[j] = columns.mean[j] + columns.residue[j] / rows;
    auto const square = columns.squares[j] + rows * means[j] * means[j];
    auto const units = 1.02 * square * unit + 2; // what was rounded on the way included
    if (!(units < high_limit(shape))) {
      refuse(shape, scale, static_cast<std::int64_t>(j), columns);
    }
    largest = std::max(largest, units);
    half.sums.add(j, rows * means[j] * unit, low_limit(shape));
  }
  half.count += columns.rows;
  ++half.blocks;
  for (std::size_t j = 0; j < moments.smallest.size(); ++j) {
    moments.smallest[j] = std::min(moments.smallest[j], columns.smallest[j]);
    moments.largest[j] = std::max(moments.largest[j], columns.largest[j]);
  }
  for (std::size_t j = 0; j < moments.class_missing.size(); ++j) {
    auto const most = std::max(std::abs(static_cast<double>(columns.smallest[j]) - scale.shift[j]),
                               std::abs(static_cast<double>(columns.largest[j]) - scale.shift[j]));
    if (most * scale.scale[j] >= class_room) {
      moments.class_missing[j] = 1;
    }
  }
  constexpr auto quick = static_cast<double>(std::int64_t{1} << 51);
  return largest < std::min(quick, low_limit(shape)) ? Range::quick
         : largest < low_limit(shape)                ? Range::low
                                                     : Range::both;
}

MomentAccumulator::MomentAccumulator(Device const& device, MomentShape const& shape,
                                     MomentScale scale, int threads)
    : impl_(low_limit(shape) > 0 && device.is_cuda
                ? device_moments(shape, std::move(scale))
                : host_moments(shape, std::move(scale), threads)) {}
MomentAccumulator::~MomentAccumulator() = default;
MomentAccumulator::MomentAccumulator(MomentAccumulator&&) noexcept = default;
MomentAccumulator& MomentAccumulator::operator=(MomentAccumulator&&) noexcept = default;

float* MomentAccumulator::batch() const {
  return impl_->batch();
}

void MomentAccumulator::append(std::int64_t rows, RowFacts const& facts, StreamView stream) {
  impl_->append(rows, facts, stream);
}

void MomentAccumulator::end_block(std::int64_t block, StreamView stream) {
  impl_->end_block(block, stream);
}

void MomentAccumulator::reduce(Comm const& comm, NcclComm const* nccl, StreamView stream) {
  impl_->reduce(comm, nccl, stream);
}

void MomentAccumulator::drop_block() {
  impl_->drop_block();
}

Moments const& MomentAccumulator::sums(StreamView stream) {
  impl_->flush();
  impl_->fetch(stream);
  return impl_->moments;
}

Moments MomentAccumulator::take(StreamView stream) {
  static_cast<void>(sums(stream));
  impl_->moments.canonicalise();
  return std::move(impl_->moments);
}

MomentMemory MomentAccumulator::memory(MomentShape const& shape, bool on_device, int threads) {
  return on_device ? device_moment_memory(shape) : host_moment_memory(shape, threads);
}

} // namespace fod
