#include "cublas.hpp"
#include "moments.hpp"
#include "moments_cuda.hpp"

#include "../device/library.hpp"
#include "fod/comm.hpp"
#include "fod/nccl.hpp"

#include <algorithm>
#include <cmath>

namespace fod {

namespace {

/// Rows of the product that are there at a time. Fewer waste less below the diagonal, but are too
/// few for the GPU.
std::int64_t product_rows(std::int64_t width) {
  return width <= 2048 ? width : 1024;
}

template <class T>
Buffer on_device(std::int64_t count) {
  return {static_cast<std::size_t>(count) * sizeof(T), Buffer::Place::device};
}
template <class T>
Buffer pinned(std::int64_t count) {
  return {static_cast<std::size_t>(count) * sizeof(T), Buffer::Place::pinned};
}
Buffer zeros_on_device(std::int64_t count) {
  auto buffer = on_device<std::int64_t>(count);
  if (count > 0) {
    // Null stream: done before anything that is queued later on a stream that waits for it.
    cuda::check(cudaMemset(buffer.data(), 0, buffer.bytes()), "cannot clear device memory");
    StreamView().wait();
  }
  return buffer;
}

template <class T>
void copy(std::vector<T>& to, Buffer const& from, StreamView stream) {
  to.resize(from.bytes() / sizeof(T));
  if (!to.empty()) {
    copy_async(to.data(), from.data(), from.bytes(), stream);
  }
}

/// Numbers by column that the host reads: five arrays in one allocation, doubles first.
constexpr std::int64_t column_bytes = 3 * sizeof(double) + 2 * sizeof(float);

cuda::ColumnView columns_in(Buffer const& buffer, std::int64_t count) {
  auto* const doubles = static_cast<double*>(buffer.data());
  auto* const floats = reinterpret_cast<float*>(doubles + 3 * count);
  return {doubles, doubles + count, doubles + 2 * count, floats, floats + count};
}

class DeviceMoments : public MomentAccumulator::Impl {
public:
  DeviceMoments(MomentShape const& of_layer, MomentScale by)
      : Impl(of_layer, std::move(by), false), blas_(cuda::Blas::shared()),
        rows_(on_device<float>(shape.block_rows * shape.neurons)),
        appended_(on_device<float>(shape.block_rows * shape.appended)),
        classes_(on_device<std::int32_t>(shape.classes > 0 ? shape.block_rows : 0)),
        sources_(on_device<std::int32_t>(shape.block_rows)),
        packed_(on_device<float>(shape.block_rows * shape.width())),
        product_(on_device<float>(product_rows(shape.width()) * shape.width())),
        scale_(on_device<double>(2 * shape.width())), means_(on_device<double>(shape.width())),
        parts_(
            on_device<std::byte>(column_bytes * shape.width() * cuda::parts_of(shape.block_rows))),
        found_(on_device<std::byte>(column_bytes * shape.width())),
        class_sums_(zeros_on_device(shape.classes * shape.neurons)),
        host_appended_(pinned<float>(shape.block_rows * shape.appended)),
        host_classes_(pinned<std::int32_t>(shape.block_rows)),
        host_sources_(pinned<std::int32_t>(shape.block_rows)),
        host_found_(pinned<std::byte>(column_bytes * shape.width())),
        host_means_(pinned<double>(shape.width())) {
    for (auto& half : halves_) {
      half.low = zeros_on_device(triangle_size(shape.width()));
    }
    auto const bytes = static_cast<std::size_t>(shape.width()) * sizeof(double);
    StreamView const first;
    copy_async(scale_.data(), moments.scale.shift.data(), bytes, first);
    copy_async(scale_.as<double>().data() + shape.width(), moments.scale.scale.data(), bytes,
               first);
    first.wait();
  }

  [[nodiscard]] float* batch() const override {
    return rows_.as<float>().data() + filled_ * shape.neurons;
  }

  void append(std::int64_t rows, RowFacts const& facts, StreamView stream) override {
    auto* const sources = host_sources_.as<std::int32_t>().data() + filled_;
    std::int64_t taken = 0;
    for (std::int64_t k = 0; k < rows; ++k) {
      auto const at = static_cast<std::size_t>(k);
      if (!facts.counts.empty() && facts.counts[at] == 0) {
        continue;
      }
      auto const to = filled_ + taken;
      std::copy_n(facts.appended.data() + k * shape.appended, shape.appended,
                  host_appended_.as<float>().data() + to * shape.appended);
      host_classes_.as<std::int32_t>()[static_cast<std::size_t>(to)] =
          facts.classes.empty() ? -1 : facts.classes[at];
      sources[taken++] = static_cast<std::int32_t>(k);
    }
    if (taken > 0 && sources[taken - 1] != taken - 1) {
      auto* const there = sources_.as<std::int32_t>().data() + filled_;
      copy_async(there, sources, static_cast<std::size_t>(taken) * sizeof(std::int32_t), stream);
      cuda::close_gaps(batch(), shape.neurons, there, taken, stream);
    }
    filled_ += taken;
  }

  void end_block(std::int64_t block, StreamView stream) override {
    if (filled_ == 0) {
      return;
    }
    auto const view = block_view();
    describe(view, stream);
    multiply(0, stream); // keeps the GPU busy while the host looks at the columns
    described_.wait();
    bool const wide = settle(block) == Range::both;
    auto& half = halves_[static_cast<std::size_t>(block % 2)];
    if (wide && half.high.bytes() == 0) {
      half.high = zeros_on_device(triangle_size(shape.width()));
    }
    copy_async(means_.data(), host_means_.data(), host_means_.bytes(), stream);
    for (std::int64_t first = 0; first < shape.width(); first += product_rows(shape.width())) {
      if (first > 0) {
        multiply(first, stream);
      }
      cuda::convert({product_.as<float>().data(), first, rows_from(first), shape.width()},
                    {means_.as<double>().data(), static_cast<double>(filled_),
                     std::ldexp(1.0, moments.scale.bits), low_limit(shape)},
                    half.low.as<std::int64_t>().data(),
                    wide ? half.high.as<std::int64_t>().data() : nullptr, stream);
    }
    filled_ = 0;
  }

  void drop_block() override { filled_ = 0; }
  void flush() override {}

  void reduce(Comm const& comm, NcclComm const* nccl, StreamView stream) override {
    if (nccl == nullptr) {
      comm.agree([&] {
        fetch(stream);
        reduced_on_host_ = true;
      });
      fod::reduce(moments, comm);
      return;
    }
    for (auto& half : halves_) {
      bool const wide = comm.all_max(half.high.bytes() > 0 ? 1 : 0) > 0;
      comm.agree([&] {
        if (wide && half.high.bytes() == 0) {
          half.high = zeros_on_device(triangle_size(shape.width()));
        }
        stream.wait();
      });
      comm.agree([&] {
        nccl->all_sum_on_device(half.low.as<std::int64_t>());
        nccl->all_sum_on_device(half.high.as<std::int64_t>());
      });
    }
    comm.agree([&] { nccl->all_sum_on_device(class_sums_.as<std::int64_t>()); });
    reduce_small(moments, comm);
  }

  void fetch(StreamView stream) override {
    if (reduced_on_host_) {
      return;
    }
    for (std::size_t parity = 0; parity < halves_.size(); ++parity) {
      copy(moments.halves[parity].products.low, halves_[parity].low, stream);
      copy(moments.halves[parity].products.high, halves_[parity].high, stream);
    }
    copy(moments.class_sums, class_sums_, stream);
    stream.wait();
  }

private:
  /// Products of the even or the odd blocks.
  struct Half {
    Buffer low;
    Buffer high; ///< once a block needed it
  };

  [[nodiscard]] cuda::BlockView block_view() const {
    auto const* scale = scale_.as<double>().data();
    return {rows_.as<float>().data(),
            appended_.as<float>().data(),
            filled_,
            shape.neurons,
            shape.appended,
            scale,
            scale + shape.width()};
  }

  [[nodiscard]] std::int64_t rows_from(std::int64_t first) const {
    return std::min(product_rows(shape.width()), shape.width() - first);
  }

  /// Means, what is left after them, and sums per class; the host hears when its part is there.
  void describe(cuda::BlockView const& view, StreamView stream) {
    auto const parts = columns_in(parts_, shape.width() * cuda::parts_of(shape.block_rows));
    auto const found = columns_in(found_, shape.width());
    auto const send = [&](Buffer const& to, Buffer const& from, std::size_t bytes) {
      if (bytes > 0) {
        copy_async(to.data(), from.data(), bytes, stream);
      }
    };
    auto const filled = static_cast<std::size_t>(filled_);
    send(appended_, host_appended_,
         filled * static_cast<std::size_t>(shape.appended) * sizeof(float));
    cuda::observe(view, parts, found, stream);
    cuda::centre(view, parts, found, packed_.as<float>().data(), stream);
    if (shape.classes > 0) {
      for (auto const own : host_classes_.as<std::int32_t>().first(filled)) {
        if (own >= 0) {
          ++moments.class_counts[static_cast<std::size_t>(own)];
        }
      }
      send(classes_, host_classes_, filled * sizeof(std::int32_t));
      cuda::add_classes(view, classes_.as<std::int32_t>().data(),
                        std::ldexp(1.0, moments.scale.class_bits),
                        class_sums_.as<std::int64_t>().data(), stream);
    }
    send(host_found_, found_, found_.bytes());
    described_.record(stream);
  }

  void multiply(std::int64_t first, StreamView stream) {
    blas_->rows_of_square(packed_.as<float>().data(), filled_, shape.width(), first,
                          rows_from(first), product_.as<float>().data(), stream);
  }

  Range settle(std::int64_t block) {
    auto const found = columns_in(host_found_, shape.width());
    auto const width = static_cast<std::size_t>(shape.width());
    auto const neurons = static_cast<std::size_t>(shape.neurons);
    return settle_block(moments, shape,
                        {block,
                         filled_,
                         {found.mean, width},
                         {found.residue, width},
                         {found.squares, width},
                         {found.smallest, neurons},
                         {found.largest, neurons}},
                        host_means_.as<double>());
  }

  std::shared_ptr<cuda::Blas> blas_;
  Buffer rows_;     ///< (block_rows, neurons) as they came
  Buffer appended_; ///< (block_rows, appended)
  Buffer classes_;
  Buffer sources_; ///< of rows that moved up
  Buffer packed_;  ///< (block_rows, width) centred
  Buffer product_; ///< some rows of the triangle at a time
  Buffer scale_;   ///< shift, then scale
  Buffer means_;
  Buffer parts_;
  Buffer found_;
  Buffer class_sums_;
  std::array<Half, 2> halves_;
  // What goes up and down while the GPU works; free again once `described_` was waited for.
  Buffer host_appended_;
  Buffer host_classes_;
  Buffer host_sources_;
  Buffer host_found_;
  Buffer host_means_;
  Event described_;
  std::int64_t filled_ = 0; ///< rows
  bool reduced_on_host_ = false;
};

} // namespace

std::unique_ptr<MomentAccumulator::Impl> device_moments(MomentShape const& shape,
                                                        MomentScale scale) {
  return std::make_unique<DeviceMoments>(shape, std::move(scale));
}

MomentMemory device_moment_memory(MomentShape const& shape) {
  auto const width = shape.width();
  MomentMemory memory;
  memory.limb = 2 * triangle_size(width) * 8;
  memory.device = memory.limb + shape.classes * shape.neurons * 8 +
                  shape.block_rows * (2 * width + 2) * 4 + product_rows(width) * width * 4 +
                  column_bytes * width * (cuda::parts_of(shape.block_rows) + 1) + 3 * width * 8;
  memory.host = memory.limb + shape.classes * shape.neurons * 8 +
                shape.block_rows * (shape.appended + 2) * 4 + (column_bytes + 8) * width;
  return memory;
}

} // namespace fod
