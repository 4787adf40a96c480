#pragma once

#include "flat_copy.cuh"
#include "softmax_row.cuh"

/// Softmax of up to 1,024 classes: a warp takes a tile of consecutive rows, which it copies whole
/// between global and shared memory; some lanes share each row and keep it in registers.
namespace fod::cuda {

/// How a warp divides a tile.
template <int LanesPerRow, int ValuesPerLane, int GroupsOfRows, int Buffers, int BlocksPerProcessor>
struct TileShape {
  static constexpr int lanes = LanesPerRow;
  static constexpr int values = ValuesPerLane;
  static constexpr int rows_at_once = 32 / lanes;
  static constexpr int rows = rows_at_once * GroupsOfRows; ///< of a tile
  static constexpr int buffers = Buffers; ///< 2: the next tile is fetched while one is computed
  static constexpr int warps = 4;         ///< of a block, each for itself
  static constexpr int blocks = BlocksPerProcessor; ///< that the registers must suffice for
  static constexpr int most_classes = lanes * values;
  /// Values that are skipped together where a lane has fewer than `values`.
  static constexpr int together = lanes == 1 ? 2 : 4;
  /// Probabilities take the place of the logits when all lanes have read theirs, which is before
  /// the first is written if all rows are computed at once.
  static constexpr bool in_place = rows == rows_at_once;

  /// For the logits or the probabilities of a tile.
  static constexpr std::size_t buffer_bytes(int classes) {
    return flat_bytes(static_cast<std::size_t>(rows) * static_cast<std::size_t>(classes) *
                      sizeof(float));
  }
  static constexpr std::size_t bytes_per_warp(int classes) {
    return (buffers + (in_place ? 0 : 1)) * buffer_bytes(classes);
  }
};

/// The lanes that share a row, and the places in it that this lane takes: consecutive lanes take
/// consecutive classes. Each row starts at another class, so that the lanes of a warp meet
/// different banks of shared memory.
template <class Shape>
struct RowLanes {
  int row;   ///< of those that are computed at once
  int lane;  ///< of the row
  int first; ///< class

  __device__ RowLanes(int warp_lane, int classes)
      : row(warp_lane / Shape::lanes), lane(warp_lane % Shape::lanes) {
    if constexpr (Shape::lanes == 1) {
      int const shared = classes & -classes; // banks are met by every 32 / shared rows
      first = row * (shared < 32 ? shared : 32) / 32;
    } else {
      first = (((row * (Shape::lanes - classes)) & 31) + lane) % classes;
    }
  }

  /// Calls `use(i, k, there)` for the i-th class of this lane, all of those that it keeps; the last
  /// ones may not be there.
  template <class Use>
  __device__ void each(int classes, Use use) const {
    int k = first;
    asm volatile("" : "+r"(k)); // computed anew each time: kept, they would fill the registers
#pragma unroll
    for (int start = 0; start < Shape::values; start += Shape::together) {
      if (start * Shape::lanes < classes) { // the same for all lanes
#pragma unroll
        for (int i = start; i < start + Shape::together; ++i) {
          use(i, k, i * Shape::lanes + lane < classes);
          k += Shape::lanes;
          if constexpr (Shape::lanes < 32) {
            k -= k >= classes ? classes : 0;
          }
        }
      }
    }
  }
};

/// Probabilities `p` of the rows that are computed at once, whose logits are `x`.
template <class Shape, class T>
__device__ void softmax_at_once(T const* x, float* p, SoftmaxSpec const& spec, std::int64_t row,
                                RowLanes<Shape> const& mine, EpilogueView const& out) {
  x += mine.row * spec.classes;
  p += mine.row * spec.classes;
  row += mine.row;
  float values[Shape::values];
  float largest = -INFINITY;
  mine.each(spec.classes, [&](int i, int k, bool there) {
    values[i] = there ? row::widen(x[k]) : -INFINITY;
    largest = max_or_nan(largest, values[i]);
  });
  largest = joined_by<Shape::lanes>(largest, max_or_nan);
  SoftmaxSums sums{};
  mine.each(spec.classes, [&](int i, int, bool) {
    values[i] = sums.add(values[i], largest, spec.inverse_temperature);
  });
  sums = joined_by<Shape::lanes>(sums, SoftmaxSums::joined);
  SoftmaxRow const result(sums, largest, spec.inverse_temperature);
  int predicted = spec.classes;
  __syncwarp(); // all have read their logits
  mine.each(spec.classes, [&](int i, int k, bool there) {
    auto const probability = values[i] * result.scale;
    if (there) {
      p[k] = probability;
      predicted = probability == result.scale && k < predicted ? k : predicted;
    }
  });
  predicted = joined_by<Shape::lanes>(predicted, lower);
  if (mine.lane == 0 && row < spec.rows) {
    result.write(out, row, predicted);
  }
}

template <class Shape, class T>
__device__ void softmax_of_tiles(T const* values, SoftmaxSpec const& spec, EpilogueView const& out,
                                 std::byte* shared) {
  constexpr int warp = 32;
  auto const lane = static_cast<int>(threadIdx.x) % warp;
  auto const number = static_cast<int>(threadIdx.x) / warp;
  auto const bytes = Shape::buffer_bytes(spec.classes);
  shared += number * Shape::bytes_per_warp(spec.classes);
  auto const count_at = [&](std::int64_t row) {
    auto const left = spec.rows - row;
    return static_cast<int>(left < Shape::rows ? left : Shape::rows) * spec.classes;
  };
  auto const fetch_at = [&](std::int64_t row, int buffer) {
    if (row < spec.rows) {
      fetch(shared + buffer * bytes, values + row * spec.classes, count_at(row),
            values + spec.rows * spec.classes, lane, warp);
    }
    close_group();
  };
  RowLanes<Shape> const mine(lane, spec.classes);
  auto const step = static_cast<std::int64_t>(gridDim.x) * (Shape::warps * Shape::rows);
  auto row = (static_cast<std::int64_t>(blockIdx.x) * Shape::warps + number) * Shape::rows;
  fetch_at(row, 0);
  for (int turn = 0; row < spec.rows; row += step) {
    int const next = Shape::buffers - 1 - turn;
    if constexpr (Shape::buffers == 2) {
      fetch_at(row + step, next);
    }
    await_groups<Shape::buffers - 1>();
    __syncwarp();
    auto const first = row * spec.classes;
    int const count = count_at(row);
    T const* const x = place_of(values + first, shared + turn * bytes);
    if (out.logits != nullptr) {
#pragma unroll 1
      for (int at = lane; at < count; at += warp) {
        out.logits[first + at] = row::widen(x[at]);
      }
    }
    float* const p = place_of(out.distributions + first,
                              shared + (Shape::in_place ? turn : Shape::buffers) * bytes);
#pragma unroll 1
    for (int done = 0; done < Shape::rows; done += Shape::rows_at_once) {
      auto const skipped = done * spec.classes;
      if (skipped < count) {
        softmax_at_once<Shape>(x + skipped, p + skipped, spec, row + done, mine, out);
      }
    }
    __syncwarp();
    write_back(out.distributions + first, p, count, lane, warp);
    __syncwarp();
    if constexpr (Shape::buffers == 1) {
      fetch_at(row + step, next);
    }
    turn = next;
  }
}

} // namespace fod::cuda
