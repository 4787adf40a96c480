#include "fod/monitor.hpp"

#include <catch2/catch.hpp>

TEST_CASE("a stall is counted from the last step, and only while progress is owed") {
  fod::StallClock clock;
  CHECK(clock.pass(5, false, 0) == 0); // loading
  CHECK(clock.pass(1, true, 1) == 0);
  CHECK(clock.pass(1, true, 1) == 1);
  CHECK(clock.pass(2, true, 1) == 3);
  CHECK(clock.pass(1, true, 2) == 0); // a batch is done
  CHECK(clock.pass(1, true, 2) == 1);
  CHECK(clock.pass(1, false, 2) == 0); // waits for others
  CHECK(clock.pass(1, true, 2) == 1);
}

TEST_CASE("a rank that says nothing is found, and one that says it hangs") {
  fod::LifeSigns signs(4);
  signs.pass(3);
  CHECK_FALSE(signs.suspect(3).has_value()); // not more than that yet
  signs.heard(0, {});
  signs.heard(1, {2.5, false});
  signs.heard(3, {});
  signs.pass(1);
  auto const silent = signs.suspect(3);
  REQUIRE(silent.has_value());
  CHECK(silent->rank == 2);
  CHECK(silent->seconds == 4);
  CHECK(silent->silent);
  CHECK(silent->others == 0);

  signs.heard(2, {});
  CHECK_FALSE(signs.suspect(3).has_value());
  signs.heard(1, {3.5, false});
  signs.heard(3, {9, false});
  auto const hung = signs.suspect(3);
  REQUIRE(hung.has_value());
  CHECK(hung->rank == 1);
  CHECK(hung->seconds == 3.5);
  CHECK_FALSE(hung->silent);
  CHECK(hung->others == 1);

  signs.heard(1, {});
  signs.heard(3, {});
  signs.pass(10);
  signs.heard(0, {});
  auto const all = signs.suspect(3); // silence comes before what was said last
  REQUIRE(all.has_value());
  CHECK(all->rank == 1);
  CHECK(all->others == 2);
}

TEST_CASE("a rank that has left is not waited for") {
  fod::LifeSigns signs(2);
  signs.heard(1, {0, true});
  CHECK(signs.left(1));
  CHECK_FALSE(signs.all_left());
  signs.pass(2);
  signs.heard(0, {});
  CHECK_FALSE(signs.suspect(1).has_value());
  signs.heard(0, {0, true});
  CHECK(signs.all_left());
}
