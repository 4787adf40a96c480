// Distributions on a GPU, against a copy of as many bytes in its memory and against LibTorch's
// softmax (which computes no entropy, confidence, prediction or flags).
//
//   bench_epilogue_cuda          exits 1 if a floor is missed
//   bench_epilogue_cuda shapes   every shape of the kernels too, and whether its bits are the same

#include "epilogue_shapes.hpp"

#include "device/library.hpp"
#include "fod/kernels.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

using fod::Buffer;
using fod::ElementType;

constexpr std::int64_t most_values = std::int64_t{1} << 28;
constexpr std::int64_t bytes_of_row_outputs = 13; // entropy, confidence, prediction, flags
constexpr int rounds = 9;

/// Logits and results. Where a case is small, it moves through them.
struct Memory {
  Buffer from{std::size_t{1} << 31, Buffer::Place::device};
  Buffer to{std::size_t{1} << 31, Buffer::Place::device};
  Buffer rows{std::size_t{14} << 27, Buffer::Place::device};
  Buffer found{sizeof(unsigned long long), Buffer::Place::device};

  [[nodiscard]] fod::EpilogueView view(std::int64_t first, std::int64_t classes) const {
    constexpr std::int64_t most_rows = most_values / 2;
    fod::EpilogueView view;
    view.distributions = to.as<float>().data() + first * classes;
    view.entropy = rows.as<float>().data() + first;
    view.confidence = rows.as<float>().data() + most_rows + first;
    view.prediction = rows.as<std::int32_t>().data() + 2 * most_rows + first;
    view.flags = rows.as<std::uint8_t>().data() + 12 * most_rows + first;
    return view;
  }
};

struct Case {
  std::int64_t classes;
  std::int64_t rows;
  ElementType type = ElementType::float32;

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(fod::size_of(type)); }
  [[nodiscard]] std::int64_t bytes() const {
    return rows * ((size() + 4) * classes + bytes_of_row_outputs);
  }
  /// Calls that are timed together, each on other rows.
  [[nodiscard]] std::int64_t turns() const {
    return std::max<std::int64_t>(1, most_values / (rows * classes));
  }
};

/// Queues the work on the rows that start there.
using Work = std::function<void(std::int64_t first)>;

struct Contender {
  std::string name;
  Work work;
  double seconds = std::numeric_limits<double>::infinity(); // best of all rounds, per call
};

float milliseconds_of(std::function<void()> const& run) {
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  fod::cuda::check(cudaEventCreate(&begin), "event");
  fod::cuda::check(cudaEventCreate(&end), "event");
  fod::cuda::check(cudaEventRecord(begin), "event");
  run();
  fod::cuda::check(cudaEventRecord(end), "event");
  fod::cuda::check(cudaEventSynchronize(end), "the work failed");
  float milliseconds = 0;
  fod::cuda::check(cudaEventElapsedTime(&milliseconds, begin, end), "event");
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return milliseconds;
}

/// Interleaved, so that what disturbs one disturbs all; the first round warms up.
void compete(Case const& what, std::vector<Contender>& contenders) {
  for (int round = 0; round <= rounds; ++round) {
    for (auto& contender : contenders) {
      auto const milliseconds = milliseconds_of([&] {
        for (std::int64_t turn = 0; turn < what.turns(); ++turn) {
          contender.work(turn * what.rows);
        }
      });
      auto const seconds =
          static_cast<double>(milliseconds) / 1e3 / static_cast<double>(what.turns());
      contender.seconds = round == 0 ? contender.seconds : std::min(contender.seconds, seconds);
    }
  }
}

Contender copy_of(Memory const& memory, Case const& what) {
  auto const bytes = static_cast<std::size_t>(what.bytes() / 2); // each is read and written
  return {"copy", [&memory, bytes, rows = what.rows](std::int64_t first) {
            auto const turn = static_cast<std::size_t>(first / rows);
            auto const start = turn * bytes % (memory.to.bytes() - bytes + 1) / 256 * 256;
            fod::cuda::check(cudaMemcpyAsync(memory.to.as<char>().data() + start,
                                             memory.from.as<char>().data() + start, bytes,
                                             cudaMemcpyDeviceToDevice),
                             "copy");
          }};
}

Contender ours(Memory const& memory, Case const& what) {
  return {"fod", [&memory, what](std::int64_t first) {
            auto const* values = memory.from.as<char>().data() + first * what.classes * what.size();
            fod::cuda::distributions(values,
                                     {what.rows, what.classes, what.type, fod::OutputMode::logits},
                                     memory.view(first, what.classes), {});
          }};
}

Contender torchs(Memory const& memory, Case const& what) {
  return {"torch", [&memory, what](std::int64_t first) {
            auto const half = what.type == ElementType::float16;
            auto const options = at::TensorOptions().device(at::kCUDA);
            std::vector<std::int64_t> const sizes{what.rows, what.classes};
            auto const x =
                at::from_blob(memory.from.as<char>().data() + first * what.classes * what.size(),
                              sizes, options.dtype(half ? at::kHalf : at::kFloat));
            auto p = at::from_blob(memory.to.as<float>().data() + first * what.classes, sizes,
                                   options.dtype(at::kFloat));
            at::_softmax_out(p, x, 1, half);
          }};
}

/// All shapes that are not far too large, the same rows each; counts the bits that differ.
void compare_shapes(Memory const& memory, Case const& what, double copy_seconds) {
  std::vector<Contender> contenders;
  auto const bytes = what.rows * what.classes * 4;
  Buffer const expected(static_cast<std::size_t>(bytes), Buffer::Place::device);
  Buffer const entropy(static_cast<std::size_t>(what.rows) * 4, Buffer::Place::device);
  auto const view = memory.view(0, what.classes);
  ours(memory, what).work(0);
  fod::copy_async(expected.data(), view.distributions, expected.bytes(), {});
  fod::copy_async(entropy.data(), view.entropy, entropy.bytes(), {});
  for (auto const& shape : bench::shapes()) {
    fod::cuda::SoftmaxSpec const spec{what.rows, static_cast<int>(what.classes), 1};
    auto const launch = [&memory, shape, spec](std::int64_t first) {
      return shape.launch(memory.from.as<float>().data() + first * spec.classes, spec,
                          memory.view(first, spec.classes), nullptr);
    };
    if ((shape.places > 4 * what.classes && shape.name != "stream") ||
        (shape.name == "stream" && what.classes < 4096)) {
      continue;
    }
    fod::cuda::check(cudaMemsetAsync(view.distributions, 0xff, expected.bytes()), "poison");
    fod::cuda::check(cudaMemsetAsync(memory.found.data(), 0, sizeof(unsigned long long)), "zero");
    if (!launch(0)) {
      continue;
    }
    auto* const found = memory.found.as<unsigned long long>().data();
    bench::count_differences(view.distributions, expected.data(), bytes, found, nullptr);
    bench::count_differences(view.entropy, entropy.data(), what.rows * 4, found, nullptr);
    unsigned long long differences = 0;
    fod::copy_async(&differences, found, sizeof(differences), {});
    fod::StreamView{}.wait();
    contenders.push_back({shape.name + (differences == 0 ? "" : " DIFFERS"), launch});
  }
  compete(what, contenders);
  std::sort(contenders.begin(), contenders.end(),
            [](auto const& a, auto const& b) { return a.seconds < b.seconds; });
  for (auto const& contender : contenders) {
    std::printf("      %-28s %8.3f ms  %.3f of copy\n", contender.name.c_str(),
                contender.seconds * 1e3, copy_seconds / contender.seconds);
  }
}

/// @return false if a floor is missed
bool bench_case(Memory const& memory, Case const& what, bool with_shapes) {
  std::vector<Contender> all{copy_of(memory, what), ours(memory, what), torchs(memory, what)};
  compete(what, all);
  auto const share = all[0].seconds / all[1].seconds;
  auto const speedup = all[2].seconds / all[1].seconds;
  auto const floor = what.classes >= 1024 ? 0.85 : what.classes == 10 ? 0.5 : 0.0;
  bool const good = share >= floor && speedup >= 1;
  auto const rate = static_cast<double>(what.bytes()) / all[1].seconds / 1e9;
  std::printf("%6lld %10lld %-9s %8.3f ms %7.0f GB/s  %.3f of copy (%.3f ms)  %5.2f x torch "
              "(%.3f ms)%s\n",
              static_cast<long long>(what.classes), static_cast<long long>(what.rows),
              std::string(fod::name_of(what.type)).c_str(), all[1].seconds * 1e3, rate, share,
              all[0].seconds * 1e3, speedup, all[2].seconds * 1e3, good ? "" : "  BELOW ITS FLOOR");
  if (with_shapes && what.type == ElementType::float32) {
    compare_shapes(memory, what, all[0].seconds);
  }
  std::fflush(stdout);
  return good;
}

} // namespace

int main(int count, char** arguments) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("skipped: no GPU");
    return 0;
  }
  bool const with_shapes = count > 1 && std::string(arguments[1]) == "shapes";
  cudaDeviceProp properties{};
  fod::cuda::check(cudaGetDeviceProperties(&properties, 0), "properties");
  std::printf("%s\n   K         rows type           fod               against copy        "
              "against torch\n",
              properties.name);
  Memory const memory;
  bool good = true;
  auto const bench = [&](std::int64_t classes, std::int64_t rows, ElementType type) {
    good &= bench_case(memory, {classes, rows, type}, with_shapes);
  };
  bench::fill(memory.from.as<float>().data(), most_values, nullptr);
  bench(10, 1 << 20, ElementType::float32);
  for (std::int64_t const classes :
       {2,   3,   4,   5,   8,    10,   16,   17,   32,   33,   64,    65,    100,   128,
        129, 257, 512, 513, 1000, 1023, 1024, 1025, 2048, 4096, 10000, 16384, 32768, 50000}) {
    bench(classes, most_values / classes, ElementType::float32);
  }
  bench::fill(memory.from.as<__half>().data(), most_values, nullptr);
  for (std::int64_t const classes : {10, 100, 1000, 10000, 50000}) {
    bench(classes, most_values / classes, ElementType::float16);
  }
  std::puts(good ? "every floor is met" : "a floor is missed");
  return good ? 0 : 1;
}
