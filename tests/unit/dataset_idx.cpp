#include "dataset_files.hpp"

#include <catch2/catch.hpp>

namespace dataset_test {

using Catch::Matchers::Contains;
using fod::ElementType;
using fod::Shape;

namespace {

template <class T>
void check_type(int code, ElementType type, std::vector<T> const& values) {
  TempFolder const folder;
  auto const plain = idx(code, {3, 1, 2}, big(values));
  // MNIST's names have no ending: the content tells.
  for (auto const& path : {folder.file("train-images-idx3-ubyte", plain),
                           folder.file("train-images-idx3-ubyte.gz", gzip(plain))}) {
    INFO(path);
    auto const source = fod::open_source(path, "images");
    CHECK(source->field().name == "images");
    CHECK(source->field().type == type);
    CHECK(source->field().shape == Shape{1, 2});
    CHECK(source->size() == 3);
    CHECK(values_of<T>(*source) == values);
    CHECK(values_of<T>(*source, {1, 2}) == std::vector<T>{values[2], values[3]});
  }
}

/// How a file is refused, plain and then compressed.
std::vector<std::string> refusals(std::string const& bytes) {
  TempFolder const folder;
  return {refusal(folder.file("x", bytes)), refusal(folder.file("x.gz", gzip(bytes)))};
}

std::string text(std::initializer_list<unsigned char> bytes) {
  return {bytes.begin(), bytes.end()};
}

} // namespace

TEST_CASE("idx: every type, big-endian to native, plain and compressed") {
  check_type<std::uint8_t>(0x08, ElementType::uint8, {0, 1, 2, 3, 254, 255});
  check_type<std::int8_t>(0x09, ElementType::int8, {0, 1, -1, 3, 127, -128});
  check_type<std::int16_t>(0x0b, ElementType::int16, {0, 258, -2, 3, 32767, -32768});
  check_type<std::int32_t>(0x0c, ElementType::int32, {0, 16909060, -2, 3, 4, 5});
  check_type<float>(0x0d, ElementType::float32, {0, 1.5F, -2, 3e30F, 4, 5});
  check_type<double>(0x0e, ElementType::float64, {0, 1.5, -2, 3e300, 4, 5});
}

TEST_CASE("idx: no samples, one, and labels") {
  TempFolder const folder;
  for (auto const& bytes : {idx(8, {0}, ""), gzip(idx(8, {0, 28, 28}, ""))}) {
    auto const source = fod::open_source(folder.file("x", bytes), "x");
    CHECK(source->size() == 0);
    CHECK(values_of<std::uint8_t>(*source).empty());
  }
  for (auto const& bytes : {idx(8, {1}, "A"), gzip(idx(8, {1}, "A"))}) {
    auto const source = fod::open_source(folder.file("x", bytes), "x");
    CHECK(source->field().shape.empty());
    CHECK(values_of<std::uint8_t>(*source) == std::vector<std::uint8_t>{'A'});
  }
}

TEST_CASE("idx: a file that is not as long as its header says") {
  for (auto const& message : refusals(idx(0x0b, {2, 3}, std::string(11, 'x')))) {
    CHECK_THAT(message, Contains("is truncated") && Contains("(2, 3) of int16") &&
                            Contains("takes 12 bytes, the file has 11 after"));
  }
  for (auto const& message : refusals(idx(0x0b, {2, 3}, std::string(13, 'x')))) {
    CHECK_THAT(message,
               Contains("has bytes left over") && Contains("takes 12 bytes") && Contains("has 13"));
  }
  auto const whole = idx(8, {1, 2}, "");
  for (std::size_t size = 4; size < whole.size(); ++size) {
    for (auto const& message : refusals(whole.substr(0, size))) {
      CHECK_THAT(message, Contains("truncated") && Contains("header takes 12 bytes"));
    }
  }
}

TEST_CASE("idx: hostile headers") {
  for (auto const& message : refusals(idx(8, {UINT32_MAX, UINT32_MAX}, "x"))) {
    CHECK_THAT(message, Contains("63 bits"));
  }
  for (auto const& message : refusals(idx(8, {2000000000}, "x"))) {
    CHECK_THAT(message, Contains("truncated") && Contains("2000000000"));
  }
  for (auto const& message : refusals(idx(8, std::vector<std::uint32_t>(255, 1), "x"))) {
    CHECK_THAT(message, Contains("255 dimensions"));
  }
  for (auto const& message : refusals(idx(8, {}, "x"))) {
    CHECK_THAT(message, Contains("single number"));
  }
  for (auto const& message : refusals(idx(8, {4, 0}, ""))) {
    CHECK_THAT(message, Contains("without elements"));
  }
  for (auto const& message : refusals(idx(0x0a, {1}, "x"))) {
    CHECK_THAT(message, Contains("begins with the bytes 00 00 0a 01"));
  }
}

TEST_CASE("idx.gz: compressed by gzip itself, in one member or two") {
  TempFolder const folder;
  // gzip.compress of a header for ten bytes and 0, 1, ... 9
  auto const packed =
      text({0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0xe0,
            0x60, 0x64, 0x60, 0x60, 0xe0, 0x62, 0x60, 0x64, 0x62, 0x66, 0x61, 0x65, 0x63,
            0xe7, 0xe0, 0x04, 0x00, 0x5e, 0x6c, 0xba, 0xe9, 0x12, 0x00, 0x00, 0x00});
  std::vector<std::uint8_t> const digits{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  auto const whole = idx(8, {10}, bytes_of(digits));
  for (auto const& bytes : {packed, gzip(whole.substr(0, 6)) + gzip(whole.substr(6))}) {
    auto const source = fod::open_source(folder.file("x.gz", bytes), "x");
    CHECK(values_of<std::uint8_t>(*source) == digits);
  }
}

TEST_CASE("idx.gz: a bomb is not expanded beyond what its header says") {
  TempFolder const folder;
  // gzip.compress of a header for ten bytes and 65,536 zeros
  auto bomb = text({0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                    0xed, 0xc1, 0x31, 0x11, 0x00, 0x30, 0x08, 0x00, 0xb1, 0x67,
                    0xeb, 0xe1, 0x5f, 0x30, 0x15, 0x92, 0xa4, 0xde, 0x54, 0x1b}) +
              std::string(63, '\0') +
              text({0x7c, 0x07, 0x6c, 0x6f, 0xa1, 0xfa, 0x08, 0x00, 0x01, 0x00});
  CHECK_THAT(refusal(folder.file("x.gz", bomb)),
             Contains("takes 10 bytes, the file has 11 or more"));
}

TEST_CASE("idx.gz: truncated and damaged streams") {
  TempFolder const folder;
  auto const whole = gzip(idx(8, {4}, "abcd"));
  for (std::size_t size = 2; size < whole.size(); ++size) {
    INFO(size);
    auto const message = refusal(folder.file("x.gz", whole.substr(0, size)));
    CHECK_THAT(message, Contains("x.gz"));
  }
  CHECK_THAT(refusal(folder.file("x.gz", whole.substr(0, whole.size() - 9))),
             Contains("is truncated") && Contains("zlib: "));
  auto damaged = whole;
  damaged[damaged.size() - 9] = 'X'; // the last byte of data
  CHECK_THAT(refusal(folder.file("x.gz", damaged)),
             Contains("cannot decompress") && Contains("incorrect data check"));
  CHECK_THAT(refusal(folder.file("x.gz", "\x1f\x8b\x09garbage")), Contains("cannot decompress"));
}

TEST_CASE("idx.gz: compressed files of another kind") {
  TempFolder const folder;
  CHECK_THAT(refusal(folder.file("x.npy.gz", gzip(npy("<f4", "(0,)", "")))),
             Contains("begins with the bytes 93 4e 55 4d") && Contains("gunzip"));
  CHECK_THAT(refusal(folder.file("x.gz", gzip(""))), Contains("it is empty"));
  CHECK_THAT(refusal(folder.file("x.gz", gzip("ab"))), Contains("61 62"));
}

} // namespace dataset_test
