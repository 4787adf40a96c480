#include "fod/error.hpp"

#include <catch2/catch.hpp>

TEST_CASE("a message is `problem (why): what to do`, without the parts that are empty") {
  CHECK(fod::to_string({"p", "w", "r"}) == "p (w): r");
  CHECK(fod::to_string({"p", "", "r"}) == "p: r");
  CHECK(fod::to_string({"p", "w", ""}) == "p (w)");
  CHECK(std::string(fod::bad_input("p", "w").within("rank 1").what()) == "rank 1: p (w)");
  CHECK(fod::bad_input("p").code() == fod::ExitCode::usage);
  CHECK(fod::run_failure("p").code() == fod::ExitCode::failed);
}

TEST_CASE("the nearest name is suggested only if it is near") {
  std::vector<std::string> const flags{"--batch-size", "--model", "--data"};
  CHECK(fod::nearest_name("--bath-size", flags) == "--batch-size");
  CHECK(fod::nearest_name("--modle", flags) == "--model");
  CHECK(fod::nearest_name("--frobnicate", flags).empty());
  CHECK(fod::nearest_name("x", {}).empty());
}
