#include "dataset_files.hpp"

#include "fod/h5.hpp"

#include <catch2/catch.hpp>

namespace dataset_test {

using Catch::Matchers::Contains;
using fod::ElementType;
using fod::Shape;

namespace {

template <class T>
void write(std::string const& path, std::string const& object, ElementType type, Shape const& shape,
           std::vector<T> const& values) {
  auto file = std::filesystem::exists(path) ? fod::h5::File::open_for_writing(path)
                                            : fod::h5::File::create(path);
  auto dataset = file.create_dataset(object, type, shape);
  dataset.write({0, shape.empty() ? 1 : shape[0]}, type, values.data());
}

template <class T>
void check_type(ElementType type, std::vector<T> const& values) {
  TempFolder const folder;
  write(folder / "x.h5", "/group/values", type, {3, 2}, values);
  auto const source = fod::open_source(folder / "x.h5:/group/values", "x");
  INFO(name_of(type));
  CHECK(source->field().name == "x");
  CHECK(source->field().type == type);
  CHECK(source->field().shape == Shape{2});
  CHECK(source->size() == 3);
  CHECK(values_of<T>(*source) == values);
  CHECK(values_of<T>(*source, {1, 2}) == std::vector<T>{values[2], values[3]});
  CHECK(values_of<T>(*source, {3, 3}).empty());
}

} // namespace

TEST_CASE("hdf5: every type") {
  check_type<std::int8_t>(ElementType::int8, {0, 1, 2, -3, 127, -128});
  check_type<std::int16_t>(ElementType::int16, {0, 1, 2, -3, 32767, -32768});
  check_type<std::int32_t>(ElementType::int32, {0, 1, 2, -3, 4, 5});
  check_type<std::int64_t>(ElementType::int64, {0, 1, 2, -3, INT64_MAX, INT64_MIN});
  check_type<std::uint8_t>(ElementType::uint8, {0, 1, 2, 3, 4, 255});
  check_type<std::uint16_t>(ElementType::uint16, {0, 1, 2, 3, 4, 65535});
  check_type<std::uint32_t>(ElementType::uint32, {0, 1, 2, 3, 4, UINT32_MAX});
  check_type<std::uint64_t>(ElementType::uint64, {0, 1, 2, 3, 4, UINT64_MAX});
  check_type<std::uint16_t>(ElementType::float16, {0x3c00, 0xc000, 0x7bff, 0x0001, 0, 0x8000});
  check_type<float>(ElementType::float32, {0, 1.5F, -2, 3e30F, 4, 5});
  check_type<double>(ElementType::float64, {0, 1.5, -2, 3e300, 4, 5});
}

TEST_CASE("hdf5: no samples, and one") {
  TempFolder const folder;
  auto const path = folder / "x.h5";
  write<float>(path, "/none", ElementType::float32, {0, 4}, {});
  write<float>(path, "/one", ElementType::float32, {1}, {7});
  auto const none = fod::open_source(path + ":/none", "x");
  CHECK(none->size() == 0);
  CHECK(none->field().shape == Shape{4});
  CHECK(values_of<float>(*none).empty());
  CHECK(values_of<float>(*fod::open_source(path + ":/one", "x")) == std::vector{7.0F});
}

TEST_CASE("hdf5: samples that are not there") {
  TempFolder const folder;
  write<float>(folder / "x.h5", "/x", ElementType::float32, {2}, {1, 2});
  auto const source = fod::open_source(folder / "x.h5:/x", "x");
  std::vector<std::byte> out(8);
  auto const failure = [&](fod::IndexRange range) {
    return message_of(fod::ExitCode::failed, [&] { source->read(range, out); });
  };
  CHECK(failure({1, 3}) ==
        "cannot read samples 1 to 3 of " + (folder / "x.h5:/x") + " (it has 2 samples)");
  CHECK_THAT(failure({0, 1}), Contains("they take 4 bytes, not 8"));
}

TEST_CASE("hdf5: the object must be named, and be there") {
  TempFolder const folder;
  auto const path = folder / "x.h5";
  write<float>(path, "/images", ElementType::float32, {2}, {1, 2});
  write<float>(path, "/group/labels", ElementType::float32, {2}, {1, 2});
  CHECK_THAT(refusal(path), Contains("does not say which dataset") &&
                                Contains("holds /group, /images") && Contains(path + ":/path"));
  CHECK_THAT(refusal(path + ":"), Contains("does not say which dataset"));
  CHECK_THAT(refusal(path + ":images"), Contains("write " + path + ":/images"));
  for (std::string const object : {"/imagse", "/group/x", "/no/x"}) {
    CHECK_THAT(refusal(path + ":" + object), Contains(object + " does not exist"));
  }
  for (std::string const object : {"/group", "/", "/images/x"}) {
    CHECK_THAT(refusal(path + ":" + object), Contains("HDF5: ") && Contains("h5ls -r"));
  }
}

TEST_CASE("hdf5: objects that are no samples of numbers") {
  TempFolder const folder;
  auto const path = folder / "x.h5";
  write<float>(path, "/scalar", ElementType::float32, {}, {1});
  write<float>(path, "/hollow", ElementType::float32, {3, 0}, {});
  fod::h5::File::open_for_writing(path).write_texts("/words", {"a", "b"});
  CHECK_THAT(refusal(path + ":/scalar"), Contains("single number"));
  CHECK_THAT(refusal(path + ":/hollow"), Contains("without elements") && Contains("(3, 0)"));
  CHECK_THAT(refusal(path + ":/words"), Contains("no numbers"));
}

TEST_CASE("hdf5: files that are missing, truncated or of another kind") {
  TempFolder const folder;
  CHECK_THAT(refusal(folder / "no.h5:/x"),
             Contains("cannot open " + (folder / "no.h5") + " (No such file or directory)"));
  CHECK_THAT(refusal(folder.file("text.h5", "plain text") + ":/x"), Contains("is no HDF5 file"));
  CHECK_THAT(refusal(folder.file("empty.h5", "") + ":/x"), Contains("is no HDF5 file"));
  CHECK_THAT(refusal(folder.file("x.npy", npy("<f4", "(0,)", "")) + ":/x"),
             Contains("is no HDF5 file") && Contains("as /x"));
  auto const garbage = folder.file("bad.h5", "\x89HDF\r\n\x1a\n" + std::string(600, '\xff'));
  CHECK_THAT(refusal(garbage + ":/x"), Contains("cannot open " + garbage) && Contains("HDF5: "));
  CHECK_THAT(refusal(garbage), Contains("cannot open " + garbage) && Contains("HDF5: "));

  auto const path = folder / "x.h5";
  write<double>(path, "/x", ElementType::float64, {100}, std::vector<double>(100));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);
  CHECK_THAT(refusal(path + ":/x"), Contains("cannot open " + path) && Contains("truncated"));
}

TEST_CASE("hdf5: colons in names") {
  TempFolder const folder;
  std::filesystem::create_directories(folder / "a:");
  write<float>(folder / "a:/b:c.h5", "/d:/e", ElementType::float32, {1}, {3});
  CHECK(values_of<float>(*fod::open_source(folder / "a:/b:c.h5:/d:/e", "x")) == std::vector{3.0F});
}

} // namespace dataset_test
