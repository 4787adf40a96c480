#include "fod/large_bytes.hpp"
#include "fod/text.hpp"

#include <catch2/catch.hpp>

TEST_CASE("numbers as people read them") {
  CHECK(fod::grouped(0) == "0");
  CHECK(fod::grouped(999) == "999");
  CHECK(fod::grouped(1000) == "1,000");
  CHECK(fod::grouped(1234567) == "1,234,567");
  CHECK(fod::grouped(-123456) == "-123,456");
  CHECK(fod::counted(1, "sample") == "1 sample");
  CHECK(fod::counted(0, "sample") == "0 samples");
  CHECK(fod::counted(1000, "class") == "1,000 classes");
  CHECK(fod::duration(0.4) == "0 s");
  CHECK(fod::duration(59.4) == "59 s");
  CHECK(fod::duration(185) == "3 min 5 s");
  CHECK(fod::duration(7800) == "2 h 10 min");
  CHECK(fod::byte_size(999) == "999 B");
  CHECK(fod::byte_size(12345678) == "12.3 MB");
  CHECK(fod::byte_size(5000000000000000) == "5000.0 TB");
}

TEST_CASE("texts are joined by commas") {
  CHECK(fod::joined({}).empty());
  CHECK(fod::joined({"a"}) == "a");
  CHECK(fod::joined({"a", "b", ""}) == "a, b, ");
}

TEST_CASE("large bytes are zeros, however many") {
  for (std::size_t const size : {std::size_t{0}, std::size_t{1}, (std::size_t{2} << 20) - 1,
                                 std::size_t{2} << 20, (std::size_t{5} << 20) + 3}) {
    CHECK(fod::large_bytes(size) == std::string(size, '\0'));
  }
}
