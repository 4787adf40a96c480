// From logits to all that the file holds of a row (distribution, entropy, confidence, prediction,
// evidence), on one thread of the CPU, against LibTorch's softmax alone on the same logits.
//
//   bench_epilogue [ROUNDS]       at least 7 (the default is 15); exit 1 below a floor

#include "fod/kernels.hpp"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

struct Case {
  std::int64_t classes;
  std::int64_t rows;
  double floor; ///< of the ratio; 0: none is promised
};
constexpr std::array cases{Case{2, 500000, 0},  Case{10, 100000, 5}, Case{100, 10000, 0},
                           Case{1000, 1000, 1}, Case{10000, 100, 0}, Case{50000, 20, 0}};

/// Smallest seconds of a call.
class Fastest {
public:
  template <class Run>
  void time(Run const& run) {
    auto const start = std::chrono::steady_clock::now();
    run();
    std::chrono::duration<double> const taken = std::chrono::steady_clock::now() - start;
    seconds_ = std::min(seconds_, taken.count());
  }
  [[nodiscard]] double seconds() const { return seconds_; }

private:
  double seconds_ = 1e30;
};

/// Memory for what the epilogue writes. Large arrays begin on a cache line, as in the job and as
/// what LibTorch writes.
struct Results {
  explicit Results(torch::Tensor const& x)
      : distributions(torch::empty_like(x)), logits(torch::empty_like(x)),
        entropy(static_cast<std::size_t>(x.size(0))), confidence(entropy.size()),
        prediction(entropy.size()), flags(entropy.size()) {}

  fod::EpilogueView view(bool keep_logits) {
    return {distributions.data_ptr<float>(),
            entropy.data(),
            confidence.data(),
            prediction.data(),
            flags.data(),
            keep_logits ? logits.data_ptr<float>() : nullptr};
  }
  torch::Tensor distributions;
  torch::Tensor logits;
  std::vector<float> entropy;
  std::vector<float> confidence;
  std::vector<std::int32_t> prediction;
  std::vector<std::uint8_t> flags;
};

bool run(Case const& size, int rounds) {
  auto const x = torch::randn({size.rows, size.classes}) * 3;
  auto out = torch::empty_like(x);
  Results results(x);
  fod::EpilogueSpec const spec{size.rows, size.classes, fod::ElementType::float32,
                               fod::OutputMode::logits};
  Fastest ours;
  Fastest with_logits;
  Fastest reused;
  Fastest allocating;
  for (int round = 0; round < rounds; ++round) {
    ours.time([&] { fod::host::distributions(x.data_ptr<float>(), spec, results.view(false)); });
    reused.time([&] { at::softmax_out(out, x, 1); });
    with_logits.time(
        [&] { fod::host::distributions(x.data_ptr<float>(), spec, results.view(true)); });
    allocating.time([&] { torch::softmax(x, 1); });
  }
  auto const best = std::min(reused.seconds(), allocating.seconds());
  auto const ratio = best / ours.seconds();
  auto const each = 1e9 / static_cast<double>(x.numel());
  bool const good = ratio >= size.floor;
  std::printf(
      "K %5lld: %7.3f ns per logit (%.3f with the logits kept); torch::softmax %7.3f into a "
      "buffer, %7.3f without: %5.2f times as fast%s\n",
      static_cast<long long>(size.classes), ours.seconds() * each, with_logits.seconds() * each,
      reused.seconds() * each, allocating.seconds() * each, ratio, good ? "" : " TOO SLOW");
  return good;
}

} // namespace

int main(int argc, char** argv) {
  at::set_num_threads(1);
  at::NoGradGuard const no_gradients;
  auto const rounds = std::max(7, argc > 1 ? std::stoi(argv[1]) : 15);
  auto const failed = std::count_if(cases.begin(), cases.end(),
                                    [&](Case const& size) { return !run(size, rounds); });
  return failed == 0 ? 0 : 1;
}
