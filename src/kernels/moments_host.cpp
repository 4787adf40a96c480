#include "moments_host.hpp"

#include "fod/comm.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace fod {

namespace {

using product::panel;

/// Small blocks wait for each other until they are so many rows.
constexpr std::int64_t waiting_rows = 4096;
/// Their means are kept until then: of so many blocks at most.
constexpr std::int64_t most_waiting = 64;

std::int64_t blocks_waiting(MomentShape const& shape) {
  auto const rows = std::max<std::int64_t>(shape.block_rows, 1);
  return std::clamp<std::int64_t>(waiting_rows / rows, 1,
                                  std::clamp<std::int64_t>(shape.block_count, 1, most_waiting));
}

template <class T>
Buffer zeros(std::int64_t count) {
  Buffer buffer(static_cast<std::size_t>(count) * sizeof(T), Buffer::Place::host);
  if (count > 0) {
    std::memset(buffer.data(), 0, buffer.bytes());
  }
  return buffer;
}

/// Rows that are centred together: few, since rows whose length is a power of two compete for the
/// same places in the cache.
constexpr std::int64_t centred_rows = 8;
/// Columns of a task while batches come in.
constexpr std::int64_t observed_columns = 512;

class HostMoments : public MomentAccumulator::Impl {
public:
  HostMoments(MomentShape const& of_layer, MomentScale scale, int threads)
      : Impl(of_layer, std::move(scale), true), workers_(Workers::shared(threads)),
        kernels_(*product::available().front()), most_blocks_(blocks_waiting(shape)),
        capacity_(shape.block_rows * most_blocks_),
        padded_(TriangleSum::panels(shape.width()) * panel),
        triangle_(shape.width(), threads, most_blocks_ > 1),
        rows_(zeros<float>(capacity_ * shape.neurons)),
        appended_(zeros<float>(capacity_ * shape.appended)),
        packed_(zeros<float>(capacity_ * padded_)),
        means_(static_cast<std::size_t>(most_blocks_ * padded_)), residues_(means_.size()),
        squares_(means_.size()), finals_(means_.size()) {
    pending_.reserve(static_cast<std::size_t>(most_blocks_));
    extremes_.resize(static_cast<std::size_t>(most_blocks_ * 2 * shape.width()));
    start_block();
  }

  [[nodiscard]] float* batch() const override {
    return rows_.as<float>().data() + filled_ * shape.neurons;
  }

  void append(std::int64_t rows, RowFacts const& facts, StreamView /*stream*/) override {
    auto const taken = keep_counted(rows, facts);
    workers_->run(taken > 0 ? column_tasks() : 0, [&](std::int64_t task, int /*thread*/) {
      auto const begin = task * observed_columns;
      auto const columns = std::min(observed_columns, shape.neurons - begin);
      kernels_.observe(batch() + begin, shape.neurons, taken, columns, columns_at(begin));
    });
    if (shape.appended > 0 && taken > 0) {
      kernels_.observe(appended_at(filled_), shape.appended, taken, shape.appended,
                       columns_at(shape.neurons));
    }
    filled_ += taken;
  }

  void end_block(std::int64_t block, StreamView /*stream*/) override {
    auto const rows = filled_ - begin_;
    if (rows == 0) {
      return;
    }
    add_classes();
    auto* const means = means_of(std::ssize(pending_));
    for (std::int64_t j = 0; j < shape.width(); ++j) {
      means[j] /= static_cast<double>(rows);
    }
    pending_.push_back({block, begin_, rows, Range::quick});
    begin_ = filled_;
    if (std::ssize(pending_) == most_blocks_ || filled_ + shape.block_rows > capacity_) {
      flush();
    } else {
      start_block();
    }
  }

  void drop_block() override {
    filled_ = begin_;
    class_of_.clear();
    start_block();
  }

  void flush() override {
    if (!pending_.empty()) {
      centre();
      settle();
      triangle_.add({pending_, packed_.as<float>().data(), capacity_,
                     std::span<double const>(finals_), std::ldexp(1.0, moments.scale.bits),
                     low_limit(shape)},
                    moments.halves, *workers_);
    }
    pending_.clear();
    filled_ = 0;
    begin_ = 0;
    class_of_.clear();
    start_block();
  }

  void reduce(Comm const& comm, NcclComm const* /*nccl*/, StreamView /*stream*/) override {
    comm.agree([&] { flush(); });
    fod::reduce(moments, comm);
  }

  void fetch(StreamView /*stream*/) override {}

private:
  [[nodiscard]] std::int64_t column_tasks() const {
    return (shape.neurons + observed_columns - 1) / observed_columns;
  }

  /// The current block's part of the sums per class: only now, since a block may yet be dropped.
  void add_classes() {
    for (auto const own : class_of_) {
      if (own >= 0) {
        ++moments.class_counts[static_cast<std::size_t>(own)];
      }
    }
    workers_->run(class_of_.empty() ? 0 : column_tasks(), [&](std::int64_t task, int /*thread*/) {
      auto const begin = task * observed_columns;
      auto const columns = std::min(observed_columns, shape.neurons - begin);
      auto const* row = rows_.as<float>().data() + begin_ * shape.neurons + begin;
      for (auto const own : class_of_) {
        if (own >= 0) {
          kernels_.add_scaled(row, moments.scale.shift.data() + begin,
                              moments.scale.scale.data() + begin,
                              std::ldexp(1.0, moments.scale.class_bits), columns,
                              moments.class_sums.data() + own * shape.neurons + begin);
        }
        row += shape.neurons;
      }
    });
    class_of_.clear();
  }

  [[nodiscard]] double* means_of(std::int64_t block) { return means_.data() + block * padded_; }
  [[nodiscard]] float* appended_at(std::int64_t row) const {
    return appended_.as<float>().data() + row * shape.appended;
  }
  [[nodiscard]] float* smallest_of(std::int64_t block) {
    return extremes_.data() + 2 * block * shape.width();
  }
  [[nodiscard]] float* largest_of(std::int64_t block) { return smallest_of(block) + shape.width(); }

  /// Where the current block's columns from `begin` on are summed.
  product::Columns columns_at(std::int64_t begin) {
    auto const block = std::ssize(pending_);
    return {moments.scale.shift.data() + begin, moments.scale.scale.data() + begin,
            means_of(block) + begin, smallest_of(block) + begin, largest_of(block) + begin};
  }

  void start_block() {
    auto const block = std::ssize(pending_);
    std::fill_n(means_of(block), padded_, 0.0);
    std::fill_n(smallest_of(block), shape.width(), std::numeric_limits<float>::infinity());
    std::fill_n(largest_of(block), shape.width(), -std::numeric_limits<float>::infinity());
  }

  /// Closes the gaps that rows leave which do not count. @return the rows that do
  std::int64_t keep_counted(std::int64_t rows, RowFacts const& facts) {
    std::int64_t taken = 0;
    auto* const first = batch();
    for (std::int64_t k = 0; k < rows; ++k) {
      auto const at = static_cast<std::size_t>(k);
      if (!facts.counts.empty() && facts.counts[at] == 0) {
        continue;
      }
      if (taken < k) {
        std::memcpy(first + taken * shape.neurons, first + k * shape.neurons,
                    static_cast<std::size_t>(shape.neurons) * sizeof(float));
      }
      std::copy_n(facts.appended.data() + k * shape.appended, shape.appended,
                  appended_at(filled_ + taken));
      if (shape.classes > 0) {
        class_of_.push_back(facts.classes.empty() ? -1 : facts.classes[at]);
      }
      ++taken;
    }
    return taken;
  }

  /// Packs all waiting blocks, each centred by its own means.
  void centre() {
    std::fill(residues_.begin(), residues_.end(), 0.0);
    std::fill(squares_.begin(), squares_.end(), 0.0);
    workers_->run(TriangleSum::panels(shape.width()), [&](std::int64_t p, int /*thread*/) {
      for (std::int64_t b = 0; b < std::ssize(pending_); ++b) {
        auto const& block = pending_[static_cast<std::size_t>(b)];
        for (auto k = block.begin; k < block.begin + block.rows; k += centred_rows) {
          centre_rows(p, b, k, std::min(centred_rows, block.begin + block.rows - k));
        }
      }
    });
  }

  /// Rows of one panel: some of its columns are neurons, the others appended.
  void centre_rows(std::int64_t p, std::int64_t block, std::int64_t row, std::int64_t count) {
    auto const begin = p * panel;
    auto* const to = packed_.as<float>().data() + (p * capacity_ + row) * panel;
    auto const neurons = std::clamp<std::int64_t>(shape.neurons - begin, 0, panel);
    auto const others = std::min(panel, shape.width() - begin) - neurons;
    if (neurons > 0) {
      kernels_.centre(rows_.as<float>().data() + row * shape.neurons + begin, shape.neurons, count,
                      neurons, centring(block, begin), to);
    }
    if (others > 0) {
      auto const first = begin + neurons - shape.neurons;
      kernels_.centre(appended_at(row) + first, shape.appended, count, others,
                      centring(block, begin + neurons), to + neurons);
    }
  }

  product::Centring centring(std::int64_t block, std::int64_t begin) {
    auto const at = block * padded_ + begin;
    return {moments.scale.shift.data() + begin, moments.scale.scale.data() + begin,
            means_.data() + at, residues_.data() + at, squares_.data() + at};
  }

  /// The parts of all waiting blocks that are not products.
  void settle() {
    for (std::int64_t b = 0; b < std::ssize(pending_); ++b) {
      auto& block = pending_[static_cast<std::size_t>(b)];
      auto const of = [&](std::vector<double>& all) {
        return std::span(all).subspan(static_cast<std::size_t>(b * padded_),
                                      static_cast<std::size_t>(shape.width()));
      };
      auto const neurons = static_cast<std::size_t>(shape.neurons);
      block.range =
          settle_block(moments, shape,
                       {block.block, block.rows, of(means_), of(residues_), of(squares_),
                        std::span(smallest_of(b), neurons), std::span(largest_of(b), neurons)},
                       of(finals_));
      if (block.range == Range::both) {
        moments.halves[static_cast<std::size_t>(block.block % 2)].products.widen();
      }
    }
  }

  std::shared_ptr<Workers> workers_;
  product::Kernels const& kernels_;
  std::int64_t most_blocks_;
  std::int64_t capacity_; ///< rows
  std::int64_t padded_;   ///< columns of all panels
  TriangleSum triangle_;
  Buffer rows_;     ///< (capacity, neurons) as they came
  Buffer appended_; ///< (capacity, appended)
  Buffer packed_;   ///< (panels, capacity, panel) centred; padding stays 0
  // Of each waiting block and the current one, by column.
  std::vector<double> means_; ///< sums while the block grows
  std::vector<double> residues_;
  std::vector<double> squares_;
  std::vector<double> finals_; ///< means with their residues
  std::vector<float> extremes_;
  std::vector<PendingBlock> pending_;
  std::vector<std::int32_t> class_of_; ///< of the current block's rows that count
  std::int64_t filled_ = 0;            ///< rows
  std::int64_t begin_ = 0;             ///< first row of the current block
};

} // namespace

std::unique_ptr<MomentAccumulator::Impl> host_moments(MomentShape const& shape, MomentScale scale,
                                                      int threads) {
  return std::make_unique<HostMoments>(shape, std::move(scale), std::max(threads, 1));
}

MomentMemory host_moment_memory(MomentShape const& shape, int threads) {
  auto const blocks = blocks_waiting(shape);
  auto const padded = TriangleSum::panels(shape.width()) * panel;
  auto const rows = shape.block_rows * blocks;
  MomentMemory memory;
  memory.limb = 2 * triangle_size(shape.width()) * 8;
  memory.host = memory.limb + shape.classes * shape.neurons * 8 +
                rows * (shape.width() + padded) * 4 + blocks * (4 * padded + shape.width()) * 8 +
                TriangleSum::scratch_bytes(shape.width(), std::max(threads, 1), blocks > 1);
  return memory;
}

} // namespace fod
