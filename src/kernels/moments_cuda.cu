#include "moments_cuda.hpp"

#include "../device/library.hpp"
#include "fod/moments.hpp"

#include <cmath>

/// Threads of a block lie along the columns, so that a warp reads 32 neighbours of a row; the
/// grid's y counts parts of rows, or rows of the triangle.
namespace fod::cuda {

namespace {

constexpr int threads = 128;

cudaStream_t handle_of(StreamView stream) {
  return static_cast<cudaStream_t>(stream.handle);
}

dim3 grid_of(std::int64_t columns, std::int64_t rows) {
  return {static_cast<unsigned>((columns + threads - 1) / threads), static_cast<unsigned>(rows)};
}

__device__ std::int64_t column_of_thread() {
  return static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x;
}

/// The rows of this thread's part.
struct Part {
  std::int64_t begin;
  std::int64_t end;
};
__device__ Part part_of_thread(std::int64_t count) {
  auto const begin = static_cast<std::int64_t>(blockIdx.y) * part_rows;
  return {begin, begin + part_rows < count ? begin + part_rows : count};
}

__device__ float value_at(BlockView const& block, std::int64_t row, std::int64_t column) {
  return column < block.neurons
             ? block.rows[row * block.neurons + column]
             : block.appended[row * block.appended_columns + column - block.neurons];
}

__device__ double scaled(BlockView const& block, float x, std::int64_t column) {
  return (static_cast<double>(x) - block.shift[column]) * block.scale[column];
}

__device__ std::int64_t rounded(double units) {
  return __double2ll_rn(units);
}

/// Modulo 2^64, whatever comes first.
__device__ void add_atomically(std::int64_t* to, std::int64_t value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
}

__global__ void close_gaps_kernel(float* rows, std::int64_t neurons, std::int32_t const* sources,
                                  std::int64_t taken) {
  auto const j = column_of_thread();
  if (j < neurons) {
    for (std::int64_t k = 0; k < taken; ++k) { // upward: row k was moved already, or stays
      rows[k * neurons + j] = rows[sources[k] * neurons + j];
    }
  }
}

__global__ void observe_kernel(BlockView block, ColumnView parts) {
  auto const j = column_of_thread();
  if (j >= block.width()) {
    return;
  }
  auto const part = part_of_thread(block.count);
  double sum = 0;
  float smallest = INFINITY;
  float largest = -INFINITY;
  for (auto k = part.begin; k < part.end; ++k) {
    float const x = value_at(block, k, j);
    sum += scaled(block, x, j);
    smallest = x < smallest ? x : smallest;
    largest = x > largest ? x : largest;
  }
  auto const at = blockIdx.y * block.width() + j;
  parts.mean[at] = sum;
  parts.smallest[at] = smallest;
  parts.largest[at] = largest;
}

__global__ void join_observed_kernel(BlockView block, ColumnView parts, ColumnView found) {
  auto const j = column_of_thread();
  if (j >= block.width()) {
    return;
  }
  double sum = 0;
  float smallest = INFINITY;
  float largest = -INFINITY;
  for (std::int64_t part = 0; part < parts_of(block.count); ++part) {
    auto const at = part * block.width() + j;
    sum += parts.mean[at];
    smallest = parts.smallest[at] < smallest ? parts.smallest[at] : smallest;
    largest = parts.largest[at] > largest ? parts.largest[at] : largest;
  }
  found.mean[j] = sum / static_cast<double>(block.count);
  found.smallest[j] = smallest;
  found.largest[j] = largest;
}

__global__ void centre_kernel(BlockView block, double const* mean, ColumnView parts,
                              float* packed) {
  auto const j = column_of_thread();
  if (j >= block.width()) {
    return;
  }
  auto const part = part_of_thread(block.count);
  double residue = 0;
  double squares = 0;
  for (auto k = part.begin; k < part.end; ++k) {
    auto const left = static_cast<float>(scaled(block, value_at(block, k, j), j) - mean[j]);
    packed[k * block.width() + j] = left;
    residue += static_cast<double>(left);
    squares += static_cast<double>(left * left);
  }
  auto const at = blockIdx.y * block.width() + j;
  parts.residue[at] = residue;
  parts.squares[at] = squares;
}

__global__ void join_centred_kernel(BlockView block, ColumnView parts, ColumnView found) {
  auto const j = column_of_thread();
  if (j >= block.width()) {
    return;
  }
  double residue = 0;
  double squares = 0;
  for (std::int64_t part = 0; part < parts_of(block.count); ++part) {
    residue += parts.residue[part * block.width() + j];
    squares += parts.squares[part * block.width() + j];
  }
  found.residue[j] = residue;
  found.squares[j] = squares;
}

/// One thread per entry: blockIdx.y is the row of the product, x runs along its columns.
__global__ void convert_kernel(ProductView product, Conversion by, std::int64_t* low,
                               std::int64_t* high) {
  auto const row = product.first + blockIdx.y;
  auto const column = product.first + column_of_thread();
  if (column < row || column >= product.width) {
    return;
  }
  auto const stride = product.width - product.first;
  auto const value = product.values[blockIdx.y * stride + column - product.first];
  auto const left = by.rows * by.mean[row] * by.unit;
  auto const units = static_cast<double>(value) * by.unit + left * by.mean[column];
  auto const at = triangle_index(product.width, row, column);
  if (high == nullptr || fabs(rint(units)) < by.low_limit) {
    low[at] += rounded(units);
    return;
  }
  auto const digits = split(rint(units));
  low[at] += digits.low;
  high[at] += digits.high;
}

__global__ void add_classes_kernel(BlockView block, std::int32_t const* class_of, double unit,
                                   std::int64_t* sums) {
  auto const j = column_of_thread();
  if (j >= block.neurons) {
    return;
  }
  auto const part = part_of_thread(block.count);
  std::int32_t own = -1;
  std::int64_t sum = 0; // of a run of equal classes, which sorted data have
  for (auto k = part.begin; k < part.end; ++k) {
    if (class_of[k] != own) {
      if (own >= 0) {
        add_atomically(sums + own * block.neurons + j, sum);
      }
      own = class_of[k];
      sum = 0;
    }
    // Where this saturates the neuron is marked, and has no sums: wrapping is fine.
    sum = static_cast<std::int64_t>(
        static_cast<std::uint64_t>(sum) +
        static_cast<std::uint64_t>(rounded(scaled(block, value_at(block, k, j), j) * unit)));
  }
  if (own >= 0) {
    add_atomically(sums + own * block.neurons + j, sum);
  }
}

} // namespace

void close_gaps(float* rows, std::int64_t neurons, std::int32_t const* sources, std::int64_t taken,
                StreamView stream) {
  close_gaps_kernel<<<grid_of(neurons, 1), threads, 0, handle_of(stream)>>>(rows, neurons, sources,
                                                                            taken);
  check(cudaGetLastError(), "cannot start the kernel that leaves rows out");
}

void observe(BlockView const& block, ColumnView const& parts, ColumnView const& found,
             StreamView stream) {
  observe_kernel<<<grid_of(block.width(), parts_of(block.count)), threads, 0, handle_of(stream)>>>(
      block, parts);
  join_observed_kernel<<<grid_of(block.width(), 1), threads, 0, handle_of(stream)>>>(block, parts,
                                                                                     found);
  check(cudaGetLastError(), "cannot start the kernels of column sums");
}

void centre(BlockView const& block, ColumnView const& parts, ColumnView const& found, float* packed,
            StreamView stream) {
  centre_kernel<<<grid_of(block.width(), parts_of(block.count)), threads, 0, handle_of(stream)>>>(
      block, found.mean, parts, packed);
  join_centred_kernel<<<grid_of(block.width(), 1), threads, 0, handle_of(stream)>>>(block, parts,
                                                                                    found);
  check(cudaGetLastError(), "cannot start the kernels that centre a block");
}

void convert(ProductView const& product, Conversion const& by, std::int64_t* low,
             std::int64_t* high, StreamView stream) {
  convert_kernel<<<grid_of(product.width - product.first, product.rows), threads, 0,
                   handle_of(stream)>>>(product, by, low, high);
  check(cudaGetLastError(), "cannot start the kernel that sums products");
}

void add_classes(BlockView const& block, std::int32_t const* class_of, double unit,
                 std::int64_t* sums, StreamView stream) {
  add_classes_kernel<<<grid_of(block.neurons, parts_of(block.count)), threads, 0,
                       handle_of(stream)>>>(block, class_of, unit, sums);
  check(cudaGetLastError(), "cannot start the kernel of sums per class");
}

} // namespace fod::cuda
