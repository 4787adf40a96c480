#include "dataset_files.hpp"

#include <catch2/catch.hpp>

namespace dataset_test {

using Catch::Matchers::Contains;
using fod::Labels;

namespace {

using Integers = std::vector<std::int64_t>;

Integers read(Labels const& labels, fod::IndexRange range) {
  Integers out(static_cast<std::size_t>(range.size()));
  labels.read(range, out);
  return out;
}

/// Labels of three samples, as (3,) and (3,1).
template <class T>
void check_type(std::string const& descr, std::vector<T> const& stored, Integers const& expected) {
  TempFolder const folder;
  for (std::string const shape : {"(3,)", "(3, 1)"}) {
    INFO(descr << " " << shape);
    Labels const labels(folder.file("y.npy", npy(descr, shape, little(stored))), 3);
    CHECK(read(labels, {0, 3}) == expected);
    CHECK(read(labels, {1, 2}) == Integers{expected[1]});
    CHECK(read(labels, {3, 3}).empty());
  }
}

/// How the second of two labels is refused when it is read.
template <class T>
std::string refused_value(std::string const& descr, T value) {
  TempFolder const folder;
  Labels const labels(folder.file("y.npy", npy(descr, "(2,)", little<T>({T{}, value}))), 2);
  return message_of(fod::ExitCode::failed, [&] { read(labels, {1, 2}); });
}

std::string refused(std::string const& spec, std::int64_t samples) {
  return message_of(fod::ExitCode::usage, [&] { Labels(spec, samples); });
}

} // namespace

TEST_CASE("Labels: every type of whole number") {
  check_type<std::uint8_t>("|b1", {0, 1, 0}, {0, 1, 0});
  check_type<std::int8_t>("|i1", {0, -1, 127}, {0, -1, 127});
  check_type<std::int16_t>("<i2", {0, -1, 999}, {0, -1, 999});
  check_type<std::int32_t>("<i4", {0, -1, 70000}, {0, -1, 70000});
  check_type<std::int64_t>("<i8", {INT64_MIN, 9007199254740993, INT64_MAX},
                           {INT64_MIN, 9007199254740993, INT64_MAX});
  check_type<std::uint8_t>("|u1", {0, 1, 255}, {0, 1, 255});
  check_type<std::uint16_t>("<u2", {0, 1, 65535}, {0, 1, 65535});
  check_type<std::uint32_t>("<u4", {0, 1, UINT32_MAX}, {0, 1, UINT32_MAX});
  check_type<std::uint64_t>("<u8", {0, 1, INT64_MAX}, {0, 1, INT64_MAX});
  check_type<std::uint16_t>("<f2", {0x8000, 0x4900, 0x7bff}, {0, 10, 65504});
  check_type<float>("<f4", {-0.0F, 9, 16777216}, {0, 9, 16777216});
  check_type<double>("<f8", {-1, 9, 9007199254740992}, {-1, 9, 9007199254740992});
}

TEST_CASE("Labels: IDX, as MNIST has them") {
  TempFolder const folder;
  auto const bytes = idx(8, {3}, {7, 2, 1});
  for (auto const& file : {bytes, gzip(bytes)}) {
    CHECK(read(Labels(folder.file("t10k-labels-idx1-ubyte", file), 3), {0, 3}) ==
          Integers{7, 2, 1});
  }
}

TEST_CASE("Labels: none for no samples") {
  TempFolder const folder;
  Labels const labels(folder.file("y.npy", npy("<i8", "(0,)", "")), 0);
  CHECK(read(labels, {0, 0}).empty());
}

TEST_CASE("Labels: what is no whole number is named when it is read") {
  CHECK(refused_value("<f4", 1.5F) == "the label of sample 1 is 1.5 (a label is a class index, "
                                      "a whole number): correct the labels' file");
  CHECK_THAT(refused_value("<f8", std::numeric_limits<double>::quiet_NaN()), Contains("is nan"));
  CHECK_THAT(refused_value("<f8", std::numeric_limits<double>::infinity()), Contains("is inf"));
  CHECK_THAT(refused_value("<f8", 9223372036854775808.0), Contains("sample 1"));
  CHECK_THAT(refused_value("<f8", -1e300), Contains("is -1e+300"));
  CHECK_THAT(refused_value<std::uint64_t>("<u8", 9223372036854775808U), Contains("sample 1"));
  CHECK_THAT(refused_value<std::uint16_t>("<f2", 0x3e00), Contains("is 1.5"));
  CHECK_THAT(refused_value<std::uint16_t>("<f2", 0x7c00), Contains("is inf"));
  CHECK_THAT(refused_value<std::uint16_t>("<f2", 0xfe00), Contains("sample 1"));
  CHECK_THAT(refused_value<std::uint16_t>("<f2", 0x0001), Contains("is 5.96"));
}

TEST_CASE("Labels: as many as samples") {
  TempFolder const folder;
  auto const path = folder.file("y.npy", npy("|u1", "(1796,)", std::string(1796, '\0')));
  CHECK_THAT(refused(path, 1797), Contains("labels " + path +
                                           " hold 1796 labels, but the dataset "
                                           "has 1797 samples ("));
  CHECK_THAT(refused(path, 0), Contains("hold 1796 labels, but the dataset has 0 samples"));
}

TEST_CASE("Labels: one per sample") {
  TempFolder const folder;
  auto const of = [&](std::string const& shape) {
    return refused(folder.file("y.npy", npy("|u1", shape, std::string(6, '\0'))), 3);
  };
  CHECK_THAT(of("(6, 1, 1)"),
             Contains("shape (6, 1, 1)") && Contains("(N,) or (N,1), or counts (N,K)"));
  CHECK_THAT(refused(folder / "none.npy", 3), Contains("No such file or directory"));
}

TEST_CASE("labels as counts per class") {
  TempFolder const folder;
  Labels const labels(folder.file("y.npy", npy("|u1", "(3, 2)", std::string("\1\2\3\4\0\0", 6))),
                      3);
  CHECK(labels.counts() == 2);
  std::vector<std::int64_t> out(4);
  labels.read({1, 3}, out);
  CHECK(out == std::vector<std::int64_t>{3, 4, 0, 0});
  Labels const negative(folder.file("n.npy", npy("|i1", "(2, 2)", std::string("\1\2\3\xff", 4))),
                        2);
  CHECK_THROWS_WITH(negative.read({0, 2}, out),
                    Contains("sample 1 is -1") && Contains("counts per class"));
}

} // namespace dataset_test
