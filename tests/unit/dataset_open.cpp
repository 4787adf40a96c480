#include "dataset_files.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

namespace dataset_test {

using Catch::Matchers::Contains;

TEST_CASE("open_source: what is no file") {
  TempFolder const folder;
  CHECK_THAT(refusal(folder / "x.npy"),
             Contains("cannot open " + (folder / "x.npy") + " (No such file or directory): "));
  CHECK_THAT(refusal(folder / "."), Contains("is a folder"));
  CHECK_THAT(refusal(""), Contains("its name is empty"));
  // A pipe without a writer must not hang the job.
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THAT(refusal(folder / "pipe"), Contains("is no regular file"));
}

TEST_CASE("open_source: schemes that are not read name those that are") {
  for (std::string const spec :
       {"python:module:callable", "https://host/x.npy", "s3://b/x.h5:/a", "plugin:libx.so"}) {
    CHECK_THAT(refusal(spec), Contains("is no supported source") && Contains(".npy") &&
                                  Contains("x.h5:/path") && Contains("IDX"));
  }
}

TEST_CASE("open_source: the content tells, not the name") {
  TempFolder const folder;
  auto const bytes = npy("<f4", "(1,)", little<float>({4}));
  for (std::string const name : {"x.dat", "x", "x:y.npy", "x.gz", "x.csv"}) {
    CHECK(values_of<float>(*fod::open_source(folder.file(name, bytes), "x")) == std::vector{4.0F});
  }
}

TEST_CASE("open_source: kinds that are not read say how to convert") {
  TempFolder const folder;
  auto const of = [&](std::string const& name, std::string const& bytes) {
    return refusal(folder.file(name, bytes));
  };
  CHECK_THAT(of("x.npz", "PK\x03\x04"), Contains("numpy.load('x.npz')['name']"));
  CHECK_THAT(of("x.npy", "PK\x03\x04"), Contains("zip archive"));
  CHECK_THAT(of("x.pt", "PK\x03\x04"), Contains("torch.load"));
  CHECK_THAT(of("x.pth", "\x80\x02"), Contains("torch.load"));
  CHECK_THAT(of("x.pkl", "\x80\x04\x95"), Contains("pickle") && Contains("numpy.save"));
  CHECK_THAT(of("x", "\x80\x04\x95"), Contains("pickle"));
  CHECK_THAT(of("x.csv", "1,2\n"), Contains("numpy.loadtxt"));
  CHECK_THAT(of("x.npy", "version https://git-lfs.github.com/spec/v1\n"), Contains("git lfs pull"));
}

TEST_CASE("open_source: garbage") {
  TempFolder const folder;
  auto const of = [&](std::string const& bytes) { return refusal(folder.file("x.npy", bytes)); };
  CHECK_THAT(of(""), Contains("no known kind") && Contains("it is empty"));
  CHECK_THAT(of("<html>"),
             Contains("begins with the bytes 3c 68 74 6d 6c 3e") && Contains("give a .npy file"));
  CHECK_THAT(of("\x93NUMP"), Contains("no known kind"));
  CHECK_THAT(of(std::string(3, '\0')), Contains("no known kind"));
  CHECK_THAT(of(std::string(5000, '\0')), Contains("no known kind"));
}

} // namespace dataset_test
