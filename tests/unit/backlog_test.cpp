#include "fod/backlog.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

TEST_CASE("steps are done in the order in which they were posted") {
  for (bool const behind : {false, true}) {
    std::vector<int> done;
    fod::Backlog backlog(behind);
    for (int i = 0; i < 1000; ++i) {
      CHECK(backlog.post([&done, i] { done.push_back(i); }) == i + 1);
    }
    backlog.drain();
    REQUIRE(done.size() == 1000);
    for (int i = 0; i < 1000; ++i) {
      REQUIRE(done[static_cast<std::size_t>(i)] == i);
    }
    backlog.drain(); // nothing is left
  }
}

TEST_CASE("one step can be waited for, those after it go on") {
  std::atomic<bool> go = false;
  std::atomic<int> done = 0;
  fod::Backlog backlog(true);
  auto const first = backlog.post([&] { ++done; });
  backlog.post([&] {
    while (!go) {
      std::this_thread::sleep_for(1ms);
    }
    ++done;
  });
  backlog.wait_for(first);
  CHECK(done == 1);
  go = true;
  backlog.drain();
  CHECK(done == 2);
}

TEST_CASE("after a step that fails no other one is done, and all that is asked says so") {
  for (bool const behind : {false, true}) {
    int done = 0;
    fod::Backlog backlog(behind);
    backlog.post([&] { ++done; });
    auto const fail = [&] {
      backlog.post([] { throw std::runtime_error("the disk is full"); });
      backlog.post([&] { ++done; });
      backlog.drain();
    };
    CHECK_THROWS_WITH(fail(), "the disk is full");
    CHECK_THROWS_WITH(backlog.drain(), "the disk is full");
    CHECK_THROWS_WITH(backlog.post([&] { ++done; }), "the disk is full");
    CHECK(done == 1);
  }
}

TEST_CASE("a backlog that is left waits for the step at work alone") {
  std::atomic<bool> begun = false;
  std::atomic<int> done = 0;
  {
    fod::Backlog backlog(true);
    for (int i = 0; i < 3; ++i) {
      backlog.post([&] {
        begun = true;
        std::this_thread::sleep_for(20ms);
        ++done;
      });
    }
    while (!begun) {
      std::this_thread::yield();
    }
  }
  CHECK(done == 1);
}
