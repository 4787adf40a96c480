#include "dataset_files.hpp"

#include <catch2/catch.hpp>

namespace dataset_test {

using Catch::Matchers::Contains;
using fod::Dataset;
using fod::parse_source;

namespace {

using Strings = std::vector<std::string>;

std::string write_npy(TempFolder const& folder, std::string const& name,
                      std::vector<std::int32_t> const& values) {
  return folder.file(name, npy("<i4", "(" + std::to_string(values.size()) + ",)", little(values)));
}

Strings names_of(Dataset const& dataset) {
  Strings names;
  for (auto const& field : dataset.fields()) {
    names.push_back(field.name);
  }
  return names;
}

std::string refused(Strings const& arguments, Strings const& selected = {}) {
  return message_of(fod::ExitCode::usage, [&] { Dataset(arguments, selected, -1); });
}

} // namespace

TEST_CASE("parse_source: a name is an identifier") {
  auto const parted = [](std::string const& argument) {
    auto const source = parse_source(argument);
    return std::pair(source.name, source.spec);
  };
  using Pair = std::pair<std::string, std::string>;
  CHECK(parted("x.npy") == Pair("", "x.npy"));
  CHECK(parted("a=x.npy") == Pair("a", "x.npy"));
  CHECK(parted("image_2=x.h5:/a=b") == Pair("image_2", "x.h5:/a=b"));
  CHECK(parted("_=python:m:f") == Pair("_", "python:m:f"));
  CHECK(parted("a=") == Pair("a", ""));
  CHECK(parted("./dir=1/x.npy") == Pair("", "./dir=1/x.npy"));
  CHECK(parted("data/lr=1/x.npy") == Pair("", "data/lr=1/x.npy"));
  CHECK(parted("run-3=1/x.npy") == Pair("", "run-3=1/x.npy"));
  CHECK(parted("3=x.npy") == Pair("", "3=x.npy"));
  CHECK(parted("=x.npy") == Pair("", "=x.npy"));
  CHECK(parted("") == Pair("", ""));
}

TEST_CASE("parse_source: a path that begins like a name") {
  TempFolder const folder;
  auto const start = std::filesystem::current_path();
  std::filesystem::create_directories(folder / "split=1");
  (void)write_npy(folder, "split=1/x.npy", {1});
  std::filesystem::current_path(folder / ".");
  auto const only_path = parse_source("split=1/x.npy");
  auto const object = parse_source("split=1/x.npy:/a");
  std::filesystem::create_directories("1");
  (void)write_npy(folder, "1/x.npy", {1});
  auto const both = parse_source("split=1/x.npy");
  std::filesystem::current_path(start);
  CHECK(only_path.name.empty());
  CHECK(only_path.spec == "split=1/x.npy");
  CHECK(object.name.empty());
  CHECK(both.name == "split");
  CHECK(both.spec == "1/x.npy");
}

TEST_CASE("Dataset: names of what has none") {
  TempFolder const folder;
  auto const x = write_npy(folder, "x.npy", {1, 2});
  CHECK(names_of(Dataset({x}, {}, -1)) == Strings{"data"});
  CHECK(names_of(Dataset({x, x, x}, {}, -1)) == Strings{"data", "data1", "data2"});
  CHECK(names_of(Dataset({"a=" + x, x, "b=" + x, x}, {}, -1)) ==
        Strings{"a", "data", "b", "data1"});
}

TEST_CASE("Dataset: several inputs, selected in order") {
  TempFolder const folder;
  Strings const arguments{"a=" + write_npy(folder, "a.npy", {1, 2, 3}),
                          "b=" + write_npy(folder, "b.npy", {4, 5, 6}),
                          "c=" + write_npy(folder, "c.npy", {7, 8, 9})};
  Dataset const all(arguments, {}, -1);
  CHECK(names_of(all) == Strings{"a", "b", "c"});
  Dataset const some(arguments, {"c", "a"}, -1);
  CHECK(names_of(some) == Strings{"c", "a"});
  CHECK(some.field_count() == 2);
  CHECK(some.field(1).name == "a");
  std::vector<std::int32_t> values(2);
  some.read(0, {1, 3}, std::as_writable_bytes(std::span(values)));
  CHECK(values == std::vector<std::int32_t>{8, 9});
}

TEST_CASE("Dataset: the first samples alone") {
  TempFolder const folder;
  auto const x = write_npy(folder, "x.npy", {1, 2, 3});
  for (auto const& [most, expected] : {std::pair{-1, 3}, {0, 0}, {1, 1}, {3, 3}, {4, 3}}) {
    Dataset const dataset({x}, {}, most);
    CHECK(dataset.size() == expected);
    CHECK(dataset.source_size() == 3);
  }
  CHECK(Dataset({write_npy(folder, "none.npy", {})}, {}, 5).size() == 0);
}

TEST_CASE("Dataset: names given twice") {
  TempFolder const folder;
  auto const x = write_npy(folder, "x.npy", {1});
  CHECK_THAT(refused({"a=" + x, "b=" + x, "a=" + x}),
             Contains("--data has 'a' twice") && Contains("a, b, a"));
  CHECK_THAT(refused({"data=" + x, x}), Contains("--data has 'data' twice"));
  CHECK_THAT(refused({"a=" + x, "b=" + x}, {"a", "b", "a"}), Contains("--input has 'a' twice"));
}

TEST_CASE("Dataset: an unknown input lists those there are") {
  TempFolder const folder;
  auto const x = write_npy(folder, "x.npy", {1});
  Strings const arguments{"images=" + x, "text=" + x};
  CHECK(refused(arguments, {"imges"}) == "--input names 'imges', which is no input (there are "
                                         "images, text): did you mean 'images'?");
  CHECK_THAT(refused(arguments, {"text", "something"}),
             Contains("'something'") && Contains("images, text") && Contains("name one of these"));
  CHECK_THAT(refused(arguments, {""}), Contains("--input names ''"));
}

TEST_CASE("Dataset: lengths that differ are listed") {
  TempFolder const folder;
  auto const a = write_npy(folder, "a.npy", {1, 2, 3});
  auto const b = write_npy(folder, "b.npy", {1, 2});
  auto const message = refused({"a=" + a, "b=" + b, "c=" + a});
  CHECK_THAT(message, Contains("differ") && Contains("a has 3 in " + a) &&
                          Contains("b has 2 in " + b) && Contains("c has 3 in " + a));
  // Also of an input that is not selected: it would speak of other samples.
  CHECK_THAT(refused({"a=" + a, "b=" + b}, {"a"}), Contains("differ"));
}

TEST_CASE("Dataset: no data, or a file that is missing") {
  CHECK_THAT(refused({}), Contains("no --data was given"));
  CHECK_THAT(refused({"a="}), Contains("its name is empty"));
  CHECK_THAT(refused({"a=/nowhere/x.npy"}), Contains("cannot open /nowhere/x.npy"));
}

} // namespace dataset_test
