// Moments of one layer on the CPU, for tests/bench/bench_moments.py. Prints one JSON object.
//
//   bench_moments block COLUMNS ROWS THREADS ROUNDS          a block, against LibTorch's X^T X
//   bench_moments file FILE SAMPLES COLUMNS BATCH THREADS ROUNDS OUT
//                           float32 rows of FILE to correlations (float64, to OUT)

#include "fod/moment_accumulator.hpp"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <span>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

template <class Run>
double seconds_of(Run const& run) {
  auto const start = Clock::now();
  run();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::int64_t batch_rows(std::int64_t samples, std::int64_t batch, std::int64_t begin) {
  return std::min(batch, samples - begin);
}

/// Feeds the samples of a block.
void feed(fod::MomentAccumulator& sums, std::span<float const> values, std::int64_t columns,
          std::int64_t batch, fod::IndexRange samples) {
  for (auto k = samples.begin; k < samples.end; k += batch) {
    auto const rows = batch_rows(samples.end, batch, k);
    std::copy_n(values.data() + k * columns, rows * columns, sums.batch());
    sums.append(rows, {}, {});
  }
}

void bench_block(std::int64_t columns, std::int64_t rows, int threads, int rounds) {
  at::set_num_threads(threads);
  at::NoGradGuard const no_gradients;
  constexpr std::int64_t batch = 64;
  auto const repeats = std::max<std::int64_t>(1, 4096 / rows); // small blocks are summed together
  auto const x = torch::randn({rows, columns});
  auto product = torch::empty({columns, columns});
  std::span<float const> const values(x.data_ptr<float>(), static_cast<std::size_t>(x.numel()));
  fod::BlockGrid const grid(256 * rows, batch);
  auto scale = fod::find_scale(values, rows, columns, grid);
  fod::MomentAccumulator sums({}, {columns, 0, 0, rows, 256}, std::move(scale), threads);
  std::cout << "{\"ours\": [";
  std::string theirs;
  for (int round = 0; round < rounds; ++round) {
    double ours = 0;
    for (std::int64_t repeat = 0; repeat < repeats; ++repeat) {
      for (std::int64_t k = 0; k < rows; k += batch) { // what a layer writes is not part of it
        auto const count = batch_rows(rows, batch, k);
        std::copy_n(values.data() + k * columns, count * columns, sums.batch());
        ours += seconds_of([&] { sums.append(count, {}, {}); });
      }
      ours += seconds_of([&] { sums.end_block(repeat, {}); });
    }
    auto const torch_seconds = seconds_of([&] {
      for (std::int64_t repeat = 0; repeat < repeats; ++repeat) {
        at::mm_out(product, x.t(), x);
      }
    });
    auto const* comma = round > 0 ? ", " : "";
    auto const each = static_cast<double>(repeats);
    std::cout << comma << ours / each;
    theirs += comma + std::to_string(torch_seconds / each);
  }
  std::cout << "], \"torch\": [" << theirs << "]}\n";
}

void bench_file(char** arguments) {
  std::string const path = arguments[0];
  auto const samples = std::stoll(arguments[1]);
  auto const columns = std::stoll(arguments[2]);
  fod::BlockGrid const grid(samples, std::stoll(arguments[3]));
  auto const threads = std::stoi(arguments[4]);
  auto const rounds = std::stoi(arguments[5]);
  std::vector<float> values(static_cast<std::size_t>(samples * columns));
  std::ifstream(path, std::ios::binary)
      .read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(float)));
  std::cout << "{\"block_rows\": " << grid.block_size() << ", \"ours\": [";
  for (int round = 0; round < rounds; ++round) {
    fod::Statistics statistics;
    auto const seconds = seconds_of([&] {
      auto scale = fod::find_scale(values, grid.samples_of(0).size(), columns, grid);
      fod::MomentAccumulator sums({}, {columns, 0, 0, grid.block_size(), grid.block_count()},
                                  std::move(scale), threads);
      for (std::int64_t block = 0; block < grid.block_count(); ++block) {
        feed(sums, values, columns, grid.batch_size(), grid.samples_of(block));
        sums.end_block(block, {});
      }
      statistics = fod::statistics_of(sums.take({}), threads);
    });
    std::cout << (round > 0 ? ", " : "") << seconds;
    std::ofstream(arguments[6], std::ios::binary)
        .write(reinterpret_cast<char const*>(statistics.correlation.data()),
               static_cast<std::streamsize>(statistics.correlation.size() * sizeof(double)));
  }
  std::cout << "]}\n";
}

} // namespace

int main(int argc, char** argv) {
  std::string const mode = argc > 1 ? argv[1] : "";
  if (mode == "block" && argc == 6) {
    bench_block(std::stoll(argv[2]), std::stoll(argv[3]), std::stoi(argv[4]), std::stoi(argv[5]));
  } else if (mode == "file" && argc == 9) {
    bench_file(argv + 2);
  } else {
    std::cerr << "see the head of the source\n";
    return 2;
  }
  return 0;
}
