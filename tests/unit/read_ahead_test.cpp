#include "fod/read_ahead.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// Numbers from 0 on, each in the slot that it was filled into.
struct Numbers {
  explicit Numbers(int numbers, std::size_t slots) : count(numbers), values(slots, -1) {}

  bool fill(std::size_t slot) {
    if (filled == fails_at) {
      throw std::runtime_error("number " + std::to_string(fails_at) + " cannot be read");
    }
    if (filled == count) {
      return false;
    }
    values[slot] = filled++;
    return true;
  }
  fod::ReadAhead::Fill filler() {
    return [this](std::size_t slot) { return fill(slot); };
  }

  int count;
  int fails_at = -1;
  std::atomic<int> filled = 0;
  std::vector<int> values;
};

/// Takes all that there is, with `held` slots in use at a time.
std::vector<int> take_all(fod::ReadAhead& ahead, Numbers const& numbers, std::size_t held) {
  std::vector<int> all;
  std::size_t in_use = 0;
  while (auto const slot = ahead.next()) {
    all.push_back(numbers.values[*slot]);
    if (++in_use == held) {
      ahead.release();
      --in_use;
    }
  }
  return all;
}

std::vector<int> first(int count) {
  std::vector<int> all;
  for (int i = 0; i < count; ++i) {
    all.push_back(i);
  }
  return all;
}

/// Waits until as many are filled, for a while.
bool reaches(Numbers const& numbers, int count) {
  for (int tries = 0; tries < 2000 && numbers.filled < count; ++tries) {
    std::this_thread::sleep_for(1ms);
  }
  return numbers.filled == count;
}

} // namespace

TEST_CASE("what is read ahead comes in order, whatever the slots") {
  for (bool const threaded : {false, true}) {
    for (int const count : {0, 1, 2, 3, 4, 100}) {
      for (std::size_t const slots : {1U, 2U, 3U, 7U}) {
        for (std::size_t held = 1; held <= slots; ++held) {
          Numbers numbers(count, slots);
          fod::ReadAhead ahead(slots, threaded, numbers.filler());
          CHECK(take_all(ahead, numbers, held) == first(count));
          CHECK(!ahead.next()); // and again
        }
      }
    }
  }
}

TEST_CASE("no more is read ahead than there are slots") {
  Numbers numbers(100, 3);
  fod::ReadAhead ahead(3, true, numbers.filler());
  CHECK(reaches(numbers, 3));
  std::this_thread::sleep_for(20ms);
  CHECK(numbers.filled == 3);
  CHECK(ahead.next() == std::size_t{0}); // which does not make room yet
  std::this_thread::sleep_for(20ms);
  CHECK(numbers.filled == 3);
  ahead.release();
  CHECK(reaches(numbers, 4));
}

TEST_CASE("without a thread nothing is read before it is asked for") {
  Numbers numbers(5, 3);
  fod::ReadAhead ahead(3, false, numbers.filler());
  CHECK(numbers.filled == 0);
  CHECK(ahead.next() == std::size_t{0});
  CHECK(numbers.filled == 1);
}

TEST_CASE("a failure of the reader comes after all that was read before it") {
  for (bool const threaded : {false, true}) {
    for (int const at : {0, 1, 5}) {
      Numbers numbers(100, 3);
      numbers.fails_at = at;
      fod::ReadAhead ahead(3, threaded, numbers.filler());
      for (int i = 0; i < at; ++i) {
        auto const slot = ahead.next();
        REQUIRE(slot);
        CHECK(numbers.values[*slot] == i);
        ahead.release();
      }
      CHECK_THROWS_WITH(ahead.next(), "number " + std::to_string(at) + " cannot be read");
      CHECK(!ahead.next());
      CHECK(numbers.filled == at);
    }
  }
}

TEST_CASE("a reader that waits for a slot, or is at work, ends with its owner") {
  {
    Numbers numbers(100, 2);
    fod::ReadAhead const ahead(2, true, numbers.filler());
    CHECK(reaches(numbers, 2)); // it waits now
  }
  std::atomic<int> calls = 0;
  {
    std::atomic<bool> begun = false;
    fod::ReadAhead const ahead(3, true, [&](std::size_t) {
      begun = true;
      std::this_thread::sleep_for(50ms);
      ++calls;
      return true;
    });
    while (!begun) {
      std::this_thread::yield();
    }
  }
  CHECK(calls == 1);
  {
    fod::ReadAhead const unused(1, true, [](std::size_t) { return true; });
  }
}

TEST_CASE("a slow reader is waited for") {
  int count = 0;
  fod::ReadAhead ahead(2, true, [&](std::size_t) {
    std::this_thread::sleep_for(5ms);
    return count++ < 4;
  });
  int taken = 0;
  while (ahead.next()) {
    ++taken;
    ahead.release();
  }
  CHECK(taken == 4);
}
