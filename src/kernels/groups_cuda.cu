#include "fod/group_engine.hpp"

#include "warp.cuh"

#include "../device/library.hpp"

#include <algorithm>
#include <vector>

namespace fod::cuda {

namespace {

using groups::Kernel;
using groups::MatrixView;
using groups::Move;

constexpr unsigned threads_per_block = 128;

unsigned blocks_of_threads(std::int64_t count) {
  return static_cast<unsigned>((count + threads_per_block - 1) / threads_per_block);
}

__device__ std::int64_t this_column() {
  return static_cast<std::int64_t>(blockIdx.x) * threads_per_block + threadIdx.x;
}

/// Products are rounded before they are added, as on the host.
__device__ double value_of(Kernel kernel, double r) {
  return kernel == Kernel::squared ? __dmul_rn(r, r) : kernel == Kernel::absolute ? fabs(r) : r;
}

/// A warp for each row.
__global__ void count_kernel(MatrixView r, double threshold, std::int64_t* counts) {
  auto const row = row_of_warp();
  if (row >= r.n) {
    return;
  }
  auto const warp = this_warp();
  std::int64_t count = 0;
  for (auto j = warp.first(); j < r.n; j += warp.step()) {
    count += j != row && fabs(r.at(row, j)) >= threshold ? 1 : 0;
  }
  count = warp.sum(count);
  if (warp.lane == 0) {
    counts[row] = count;
  }
}

// The matrix is symmetric: in the kernels below neighbouring threads read neighbouring columns.

__global__ void discount_kernel(MatrixView r, std::int64_t const* removed, std::int64_t size,
                                double threshold, std::int64_t* counts) {
  auto const i = this_column();
  if (i >= r.n) {
    return;
  }
  std::int64_t count = 0;
  for (std::int64_t k = 0; k < size; ++k) {
    auto const j = removed[k];
    count += j != i && fabs(r.at(j, i)) >= threshold ? 1 : 0;
  }
  counts[i] -= count;
}

/// A thread for each sum, in the order of the members. @param begins by cluster, and one more
__global__ void sum_kernel(MatrixView r, std::int64_t const* members, std::int64_t const* begins,
                           Kernel kernel, double* sums) {
  auto const i = this_column();
  if (i >= r.n) {
    return;
  }
  auto const cluster = static_cast<std::int64_t>(blockIdx.y);
  double sum = 0;
  for (auto k = begins[cluster]; k < begins[cluster + 1]; ++k) {
    sum = __dadd_rn(sum, value_of(kernel, r.at(members[k], i)));
  }
  sums[cluster * r.n + i] = sum;
}

__global__ void move_kernel(MatrixView r, Move const* moves, std::int64_t size, Kernel kernel,
                            double* sums) {
  auto const i = this_column();
  if (i >= r.n) {
    return;
  }
  for (std::int64_t k = 0; k < size; ++k) {
    auto const value = value_of(kernel, r.at(moves[k].neuron, i));
    auto& from = sums[moves[k].from * r.n + i];
    from = __dsub_rn(from, value);
    auto& to = sums[moves[k].to * r.n + i];
    to = __dadd_rn(to, value);
  }
}

/// Device memory that grows with what is put into it.
class Store {
public:
  template <class T>
  T* room(std::size_t count) {
    if (buffer_.bytes() < count * sizeof(T)) {
      buffer_ = {}; // the old one goes first
      buffer_ = Buffer(count * sizeof(T), Buffer::Place::device);
    }
    return static_cast<T*>(buffer_.data());
  }
  template <class T>
  T const* put(std::span<T const> values) {
    auto* const to = room<T>(values.size());
    if (!values.empty()) {
      copy_async(to, values.data(), values.size_bytes(), {});
    }
    return to;
  }

private:
  Buffer buffer_;
};

/// Everything is queued on the default stream; each call waits for its results.
class CudaEngine : public groups::Engine {
public:
  explicit CudaEngine(MatrixView host) {
    auto const count = static_cast<std::size_t>(host.n * host.n);
    r_ = {matrix_.put(std::span(host.values, count)), host.n};
    StreamView().wait();
  }

  void count_neighbours(double threshold, std::span<std::int64_t> counts) override {
    if (r_.n == 0) {
      return;
    }
    auto* const on_device = results_.room<std::int64_t>(counts.size());
    count_kernel<<<blocks_for(r_.n), rows_per_block * warp_size>>>(r_, threshold, on_device);
    fetch(counts, on_device);
  }

  void discount_neighbours(std::span<std::int64_t const> removed, double threshold,
                           std::span<std::int64_t> counts) override {
    if (removed.empty()) {
      return;
    }
    auto* const on_device = put_results(counts);
    discount_kernel<<<blocks_of_threads(r_.n), threads_per_block>>>(
        r_, input_.put(removed), std::ssize(removed), threshold, on_device);
    fetch(counts, on_device);
  }

  void cluster_sums(std::span<std::int32_t const> cluster_of, std::int64_t clusters, Kernel kernel,
                    std::span<double> sums) override {
    if (sums.empty()) {
      return;
    }
    std::vector<std::int64_t> begins(static_cast<std::size_t>(clusters) + 1);
    for (auto const cluster : cluster_of) {
      ++begins[static_cast<std::size_t>(cluster) + 1];
    }
    for (std::size_t c = 1; c < begins.size(); ++c) {
      begins[c] += begins[c - 1];
    }
    auto next = begins;
    std::vector<std::int64_t> members(cluster_of.size());
    for (std::size_t i = 0; i < cluster_of.size(); ++i) {
      auto& place = next[static_cast<std::size_t>(cluster_of[i])];
      members[static_cast<std::size_t>(place++)] = static_cast<std::int64_t>(i);
    }
    auto* const on_device = results_.room<double>(sums.size());
    sum_kernel<<<dim3(blocks_of_threads(r_.n), static_cast<unsigned>(clusters)),
                 threads_per_block>>>(r_, input_.put(std::span<std::int64_t const>(members)),
                                      begins_.put(std::span<std::int64_t const>(begins)), kernel,
                                      on_device);
    fetch(sums, on_device);
  }

  void move_sums(std::span<Move const> moves, Kernel kernel, std::span<double> sums) override {
    if (moves.empty()) {
      return;
    }
    auto* const on_device = put_results(sums);
    move_kernel<<<blocks_of_threads(r_.n), threads_per_block>>>(
        r_, input_.put(moves), std::ssize(moves), kernel, on_device);
    fetch(sums, on_device);
  }

private:
  template <class T>
  T* put_results(std::span<T> values) {
    auto* const to = results_.room<T>(values.size());
    copy_async(to, values.data(), values.size_bytes(), {});
    return to;
  }
  template <class T>
  void fetch(std::span<T> to, T const* from) {
    check(cudaGetLastError(), "cannot start a kernel of the groups");
    copy_async(to.data(), from, to.size_bytes(), {});
    StreamView().wait();
  }

  Store matrix_;
  MatrixView r_;
  Store input_;
  Store begins_;
  Store results_;
};

} // namespace

} // namespace fod::cuda

namespace fod {

std::unique_ptr<groups::Engine> cuda_engine(groups::MatrixView correlations) {
  return std::make_unique<cuda::CudaEngine>(correlations);
}

} // namespace fod
