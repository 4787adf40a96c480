#include "distributions_support.hpp"
#include "kernels/team.hpp"

#include <ATen/Parallel.h>
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

namespace {

/// Sets LibTorch's threads, and puts back what was set.
class Threads {
public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  Threads(Threads const&) = delete;
  Threads& operator=(Threads const&) = delete;
  ~Threads() { at::set_num_threads(before_); }

private:
  int before_;
};

template <class T>
bool same_bits(std::vector<T> const& a, std::vector<T> const& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

} // namespace

TEST_CASE("a team takes every task once") {
  for (int const threads : {1, 2, 5}) {
    Threads const set(threads);
    for (std::int64_t const tasks : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> taken(static_cast<std::size_t>(tasks));
      fod::run_on_team(tasks, [&](std::int64_t task) { ++taken[static_cast<std::size_t>(task)]; });
      REQUIRE(
          std::all_of(taken.begin(), taken.end(), [](auto const& count) { return count == 1; }));
    }
  }
}

TEST_CASE("a team has the threads that LibTorch was given") {
  Threads const set(3);
  std::atomic<int> there{0};
  std::atomic<int> met{0};
  // Each waits for all, which fewer threads than tasks would do in vain.
  auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  fod::run_on_team(3, [&](std::int64_t) {
    ++there;
    while (there < 3 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    met += there == 3 ? 1 : 0;
  });
  CHECK(met == 3);
}

TEST_CASE("distributions of many values have the same bits on any number of threads") {
  for (std::int64_t const classes : {10, 1000, 50001}) {
    auto const rows = 600'000 / classes + 1;
    auto const x = job_support::random_values(static_cast<std::size_t>(rows * classes), 5);
    for (std::size_t const steps : {std::size_t{0}, std::size_t{1}}) {
      fod::EpilogueSpec spec{rows, classes, fod::ElementType::float32, fod::OutputMode::logits};
      spec.transforms.size = steps;
      spec.transforms.steps[0] = {fod::RowTransform::Kind::smooth, 0.1F, 0};
      auto const on = [&](int threads) {
        Threads const set(threads);
        return job_support::run(fod::Device{}, x, spec);
      };
      auto const one = on(1);
      for (int const threads : {2, 3, 7}) {
        auto const several = on(threads);
        CHECK(same_bits(one.distributions, several.distributions));
        CHECK(same_bits(one.entropy, several.entropy));
        CHECK(same_bits(one.confidence, several.confidence));
        CHECK(same_bits(one.prediction, several.prediction));
        CHECK(same_bits(one.flags, several.flags));
      }
    }
  }
}
