#include "dataset_files.hpp"

#include <catch2/catch.hpp>

#include <cstddef>

namespace dataset_test {

using Catch::Matchers::Contains;
using fod::ElementType;
using fod::Shape;

namespace {

/// Writes two samples of two elements in both byte orders and versions 1 to 3, and reads them.
template <class T>
void check_type(std::string const& code, ElementType type, std::vector<T> const& values) {
  TempFolder const folder;
  for (int version = 1; version <= 3; ++version) {
    for (bool const is_big : {false, true}) {
      auto const descr = (sizeof(T) == 1 ? "|" : is_big ? ">" : "<") + code;
      auto const path = folder.file(
          "x.npy", npy(descr, "(2, 2)", is_big ? big(values) : little(values), version));
      auto const source = fod::open_source(path, "x");
      INFO(descr << " version " << version);
      CHECK(source->field().name == "x");
      CHECK(source->field().type == type);
      CHECK(source->field().shape == Shape{2});
      CHECK(source->size() == 2);
      CHECK(values_of<T>(*source) == values);
    }
  }
}

} // namespace

TEST_CASE("npy: every type, byte order and version") {
  check_type<std::uint8_t>("b1", ElementType::boolean, {0, 1, 1, 0});
  check_type<std::int8_t>("i1", ElementType::int8, {-128, 0, 1, 127});
  check_type<std::int16_t>("i2", ElementType::int16, {-32768, 0, 258, 32767});
  check_type<std::int32_t>("i4", ElementType::int32, {-2147483647, 0, 16909060, 1});
  check_type<std::int64_t>("i8", ElementType::int64, {INT64_MIN, 0, 72623859790382856, INT64_MAX});
  check_type<std::uint8_t>("u1", ElementType::uint8, {0, 1, 2, 255});
  check_type<std::uint16_t>("u2", ElementType::uint16, {0, 1, 258, 65535});
  check_type<std::uint32_t>("u4", ElementType::uint32, {0, 1, 16909060, UINT32_MAX});
  check_type<std::uint64_t>("u8", ElementType::uint64, {0, 1, 72623859790382856, UINT64_MAX});
  check_type<std::uint16_t>("f2", ElementType::float16, {0x3c00, 0xc000, 0x7bff, 0x0001});
  check_type<float>("f4", ElementType::float32, {0.0F, -1.5F, 3.25e30F, 1e-40F});
  check_type<double>("f8", ElementType::float64, {0.0, -1.5, 3.25e300, 5e-324});
}

TEST_CASE("npy: native byte order is taken as it is") {
  TempFolder const folder;
  for (std::string const descr : {"=f4", "|f4", "f4"}) {
    auto const path = folder.file("x.npy", npy(descr, "(1,)", bytes_of<float>({2.5F})));
    CHECK(values_of<float>(*fod::open_source(path, "x")) == std::vector{2.5F});
  }
}

TEST_CASE("npy: any range of samples") {
  TempFolder const folder;
  std::vector<std::int32_t> values(30);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::int32_t>(i);
  }
  auto const source =
      fod::open_source(folder.file("x.npy", npy(">i4", "(5, 2, 3)", big(values))), "x");
  REQUIRE(source->size() == 5);
  CHECK(source->field().shape == Shape{2, 3});
  CHECK(source->field().sample_bytes() == 24);
  for (std::int64_t begin = 0; begin <= 5; ++begin) {
    for (std::int64_t end = begin; end <= 5; ++end) {
      std::vector<std::int32_t> const expected(values.begin() + begin * 6,
                                               values.begin() + end * 6);
      CHECK(values_of<std::int32_t>(*source, {begin, end}) == expected);
    }
  }
}

TEST_CASE("npy: no samples, and one") {
  TempFolder const folder;
  for (std::string const shape : {"(0,)", "(0, 3)", "(0, 0)"}) {
    auto const source = fod::open_source(folder.file("x.npy", npy("<f4", shape, "")), "x");
    CHECK(source->size() == 0);
    CHECK(values_of<float>(*source).empty());
  }
  auto const path = folder.file("x.npy", npy("<f4", "(1, 1)", little<float>({7})));
  CHECK(values_of<float>(*fod::open_source(path, "x")) == std::vector{7.0F});
}

TEST_CASE("npy: samples that are not there, or room of another size") {
  TempFolder const folder;
  auto const path = folder.file("x.npy", npy("<f4", "(2,)", little<float>({1, 2})));
  auto const source = fod::open_source(path, "x");
  auto const failure = [&](fod::IndexRange range, std::size_t room) {
    std::vector<std::byte> out(room);
    return message_of(fod::ExitCode::failed, [&] { source->read(range, out); });
  };
  CHECK(failure({1, 3}, 8) == "cannot read samples 1 to 3 of " + path + " (it has 2 samples)");
  CHECK_THAT(failure({-1, 1}, 8), Contains("it has 2 samples"));
  CHECK_THAT(failure({2, 1}, 0), Contains("it has 2 samples"));
  CHECK_THAT(failure({0, 2}, 7), Contains("they take 8 bytes, not 7"));
}

TEST_CASE("npy: a bool is 0 or 1") {
  TempFolder const folder;
  auto const path =
      folder.file("x.npy", npy("|b1", "(2, 2)", bytes_of<std::uint8_t>({0, 1, 1, 2})));
  auto const source = fod::open_source(path, "x");
  CHECK(values_of<std::uint8_t>(*source, {0, 1}) == std::vector<std::uint8_t>{0, 1});
  auto const message = message_of(fod::ExitCode::failed, [&] {
    values_of<std::uint8_t>(*source, {1, 2});
  });
  CHECK_THAT(message, Contains("sample 1 of " + path + " holds the bool 2"));
}

TEST_CASE("npy: a file that is not as long as its shape says") {
  TempFolder const folder;
  auto const data = little<float>({1, 2, 3, 4, 5, 6});
  auto const truncated = refusal(folder.file("x.npy", npy("<f4", "(3, 2)", data.substr(0, 23))));
  CHECK_THAT(truncated, Contains("is truncated") && Contains("(3, 2) of float32") &&
                            Contains("takes 24 bytes") && Contains("has 23"));
  auto const longer = refusal(folder.file("x.npy", npy("<f4", "(3, 2)", data + "x")));
  CHECK_THAT(longer,
             Contains("has bytes left over") && Contains("takes 24 bytes") && Contains("has 25"));
  CHECK_THAT(refusal(folder.file("x.npy", npy("<f4", "(0,)", "x"))), Contains("left over"));
}

TEST_CASE("npy: types that are no numbers are named, with a remedy") {
  TempFolder const folder;
  auto const of = [&](std::string const& descr) {
    return refusal(folder.file("x.npy", npy(descr, "(1,)", std::string(8, '\0'))));
  };
  CHECK_THAT(of("|O"), Contains("Python objects") && Contains("'|O'") && Contains("astype"));
  CHECK_THAT(of("<c8"), Contains("complex") && Contains("'<c8'") && Contains("a.real"));
  CHECK_THAT(of("<U2"), Contains("strings") && Contains("'<U2'") && Contains("numpy.unique"));
  CHECK_THAT(of("|S8"), Contains("strings") && Contains("'|S8'"));
  CHECK_THAT(of("|V8"), Contains("raw bytes") && Contains("'|V8'") && Contains("float32"));
  CHECK_THAT(of("<M8[s]"), Contains("dates") && Contains("'<M8[s]'"));
  CHECK_THAT(of("<f16"), Contains("'<f16'") && Contains("float64"));
  for (std::string const descr : {"", "<", "<i3", "<f", "q", "<<f4", "<f44"}) {
    CHECK_THAT(of(descr), Contains("x.npy holds") && Contains("dtype '" + descr + "'"));
  }
}

TEST_CASE("npy: layouts that are refused") {
  TempFolder const folder;
  CHECK_THAT(refusal(folder.file("x.npy", npy("<f4", "()", std::string(4, '\0')))),
             Contains("single number") && Contains("()"));
  CHECK_THAT(refusal(folder.file("x.npy", npy("<f4", "(3, 0)", ""))),
             Contains("samples without elements") && Contains("(3, 0)"));
  auto const fortran = npy_with_header(
      "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }\n", std::string(8, '\0'));
  CHECK_THAT(refusal(folder.file("x.npy", fortran)),
             Contains("Fortran order") && Contains("numpy.ascontiguousarray"));
  auto const structured = npy_with_header(
      "{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (1,), }\n",
      std::string(8, '\0'), 3);
  CHECK_THAT(refusal(folder.file("x.npy", structured)),
             Contains("structured") && Contains("[('a', '<f4'), ('b', '<i4')]"));
}

} // namespace dataset_test
