#include "fod/checksum.hpp"
#include "fod/error.hpp"
#include "fod/records.hpp"
#include "fod/sha256.hpp"

#include <catch2/catch.hpp>

using fod::ElementType;

TEST_CASE("element types know their NumPy names and sizes") {
  CHECK(fod::name_of(ElementType::float16) == "float16");
  CHECK(fod::size_of(ElementType::float64) == 8);
  CHECK(fod::element_type("uint8") == ElementType::uint8);
  CHECK_THROWS_AS(fod::element_type("complex64"), fod::Error);
  CHECK(fod::is_floating(ElementType::bfloat16));
  CHECK_FALSE(fod::is_floating(ElementType::int32));
}

TEST_CASE("shapes print as Python tuples, and their size does not overflow silently") {
  CHECK(fod::to_string(fod::Shape{}) == "()");
  CHECK(fod::to_string(fod::Shape{5}) == "(5,)");
  CHECK(fod::to_string(fod::with_leading(64, {1, 8, 8})) == "(64, 1, 8, 8)");
  CHECK(fod::element_count({}) == 1);
  CHECK(fod::element_count({3, 0, 2}) == 0);
  CHECK_THROWS_AS(fod::element_count({std::int64_t{1} << 40, std::int64_t{1} << 40}), fod::Error);
  CHECK_THROWS_AS(fod::element_count({-1}), fod::Error);
}

TEST_CASE("a checksum does not depend on how its bytes are given") {
  std::string const text = "the quick brown fox jumps over the lazy dog";
  fod::Checksum pieces;
  pieces.update(text.data(), 7);
  pieces.update(text.data() + 7, text.size() - 7);
  CHECK(pieces.digest() == fod::checksum_of(text));
  CHECK(fod::checksum_of("") == 0x2d06800538d394c2ULL); // published value of XXH3_64bits("")
  CHECK(fod::checksum_text(0x2d06800538d394c2ULL) == "xxh3:2d06800538d394c2");
}

TEST_CASE("majority of votes") {
  using Votes = std::vector<std::int64_t>;
  CHECK(fod::majority(Votes{}) == -1);
  CHECK(fod::majority(Votes{0, 0}) == -1);
  CHECK(fod::majority(Votes{0, 3, 3}) == 1);
  CHECK(fod::majority(Votes{1, 0, 2}) == 2);
}

TEST_CASE("SHA-256 is the one of FIPS 180-4") {
  CHECK(fod::sha256_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(fod::sha256_of("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(fod::sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(fod::sha256_of(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
