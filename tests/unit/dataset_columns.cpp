#include "dataset_files.hpp"

#include "fod/h5.hpp"
#include "fod/sample_columns.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

namespace dataset_test {

using Catch::Matchers::Contains;
using fod::SampleCategories;
using fod::SampleNumbers;
using fod::SampleTexts;
using Texts = std::vector<std::string>;

namespace {

Texts texts(std::string const& spec, std::int64_t samples) {
  return SampleTexts(spec, samples).read({0, samples});
}
std::string refused_texts(std::string const& spec, std::int64_t samples) {
  return message_of(fod::ExitCode::usage, [&] { SampleTexts(spec, samples); });
}
std::string refused_categories(std::string const& spec, std::int64_t samples) {
  return message_of(fod::ExitCode::usage, [&] { SampleCategories(spec, samples); });
}
std::string refused_numbers(std::string const& spec, std::int64_t samples) {
  return message_of(fod::ExitCode::usage, [&] { SampleNumbers(spec, samples); });
}
std::vector<double> numbers(std::string const& spec, std::int64_t samples) {
  std::vector<double> out(static_cast<std::size_t>(samples));
  SampleNumbers(spec, samples).read({0, samples}, out);
  return out;
}
using Indices = std::vector<std::int32_t>;

} // namespace

TEST_CASE("columns: one text per line") {
  TempFolder const folder;
  CHECK(texts(folder.file("a.txt", "one\ntwo, \"2\"\r\n\nfour"), 4) ==
        Texts{"one", "two, \"2\"", "", "four"});
  CHECK(texts(folder.file("b.txt", "\xef\xbb\xbfid\nx\n"), 2) == Texts{"id", "x"}); // no header
  CHECK(texts(folder.file("c.txt", ""), 0).empty());
  CHECK_THAT(refused_texts(folder.file("d.txt", "a\nb\n\n"), 2),
             Contains("--texts has 3 entries, the dataset 2 samples (in ") &&
                 Contains("give one per sample, in the same order"));
  CHECK_THAT(refused_texts(folder / "d.txt:x", 3), Contains("has no columns"));
  CHECK_THAT(refused_texts(folder.file("e.txt", std::string("a\0b\n", 4)), 1),
             Contains("e.txt, line 1: a byte 0 (the file is no text, or UTF-16)"));
}

TEST_CASE("columns: quotes, separators and line breaks in fields") {
  TempFolder const folder;
  auto const path = folder.file("a.csv", "id,text\r\n"
                                         "0,\"a, \"\"b\"\"\"\r\n"
                                         "1,\"two\r\nlines\n\"\r\n"
                                         "\r\n" // skipped
                                         "2,\r\n"
                                         "3,plain \"quotes\" inside");
  Texts const expected{"a, \"b\"", "two\r\nlines\n", "", "plain \"quotes\" inside"};
  CHECK(texts(path, 4) == expected);
  CHECK(texts(path + ":text", 4) == expected);
  CHECK(texts(path + ":id", 4) == Texts{"0", "1", "2", "3"});
  CHECK(texts(folder.file("b.tsv", "a,b\tc\nd\t\"e\tf\"\n"), 2) == Texts{"c", "e\tf"});
  CHECK_THAT(refused_texts(folder.file("c.csv", "a\n\"b\nc\n"), 2),
             Contains("c.csv, line 2: a quoted field does not end"));
  CHECK_THAT(refused_texts(folder.file("d.csv", "a\n\"b\nc\"d\n"), 2),
             Contains("d.csv, line 3: a quoted field goes on after its closing quote"));
  CHECK_THAT(refused_texts(folder.file("e.csv", "a,b\n\n1,2,3\n"), 2),
             Contains("e.csv, line 3: 3 fields (the first line has 2)"));
}

TEST_CASE("columns: which column, and whether there is a header") {
  TempFolder const folder;
  auto const one = folder.file("one.csv", "x\ny\n\nz");
  CHECK(texts(one, 4) == Texts{"x", "y", "", "z"}); // blank lines are entries of one column
  CHECK(texts(one, 3) == Texts{"y", "", "z"});      // one more than samples: a header
  CHECK(texts(one + ":x", 3) == Texts{"y", "", "z"});
  CHECK(texts(folder.file("usual.csv", "n,Text\n1,a\n2,b\n"), 2) == Texts{"a", "b"});
  CHECK(texts(folder.file("id.csv", "a,INDEX\nx,0\ny,1\n"), 2) == Texts{"x", "y"});
  CHECK_THAT(refused_texts(folder / "usual.csv", 3),
             Contains("has 2 entries, the dataset 3 samples (the first line of ") &&
                 Contains("was taken for names"));
  CHECK_THAT(refused_texts(folder / "usual.csv:Txt", 2),
             Contains("has no column 'Txt' (did you mean Text?)"));
  CHECK_THAT(refused_texts(folder / "usual.csv:other", 2), Contains("its first line has n, Text"));
}

TEST_CASE("columns: ids count the samples") {
  TempFolder const folder;
  for (std::string const name : {"id", "sample_id", "index"}) {
    auto const path = folder.file("a.csv", "loss," + name + "\n0.5,0\n1,1\n2,3\n");
    CHECK_THAT(refused_numbers(path, 3),
               Contains("a.csv, line 4: the id is 3 instead of 2 (entries belong to the samples"));
  }
  CHECK_THAT(refused_numbers(folder.file("b.csv", "id,loss\n1,0\n2,0\n"), 2),
             Contains("line 2: the id is 1 instead of 0"));
}

TEST_CASE("columns: categories are sorted, empty ones are none") {
  TempFolder const folder;
  SampleCategories const named(folder.file("a.csv", "category\nlogic\nword\n\nlogic\nart\n"), 5);
  CHECK(named.names() == Texts{"art", "logic", "word"});
  CHECK(named.read({0, 5}) == Indices{1, 2, -1, 1, 0});
  CHECK(named.read({3, 5}) == Indices{1, 0});
  CHECK(named.read({3, 3}).empty());
  // Numbers sort by value, as texts and as numbers.
  SampleCategories const written(folder.file("b.txt", "10\n9\n-1\n10\n"), 4);
  CHECK(written.names() == Texts{"-1", "9", "10"});
  CHECK(written.read({0, 4}) == Indices{2, 1, 0, 2});
  SampleCategories const stored(
      folder.file("c.npy", npy("<i4", "(4, 1)", little<std::int32_t>({10, 9, -1, 10}))), 4);
  CHECK(stored.names() == written.names());
  CHECK(stored.read({0, 4}) == written.read({0, 4}));
  SampleCategories const floats(
      folder.file("d.npy", npy("<f8", "(3,)", little<double>({2, std::nan(""), 1}))), 3);
  CHECK(floats.names() == Texts{"1", "2"});
  CHECK(floats.read({0, 3}) == Indices{1, -1, 0});
}

TEST_CASE("columns: categories that will not do") {
  TempFolder const folder;
  CHECK_THAT(
      refused_categories(folder.file("a.npy", npy("<f8", "(2,)", little<double>({1, 1.5}))), 2),
      Contains("the category of sample 1 in ") && Contains("is 1.5"));
  CHECK_THAT(refused_categories(folder.file("b.csv", "x\ncaf\xe9\n"), 2),
             Contains("the category of sample 1 in ") && Contains("is no UTF-8"));
  std::string many;
  for (int i = 0; i < 5000; ++i) {
    many += std::to_string(i) + "\n";
  }
  CHECK_THAT(refused_categories(folder.file("c.csv", many), 5000),
             Contains("--categories has more than 4,096 different entries"));
  CHECK_THAT(refused_categories(folder.file("d.csv", std::string(198, 'x') + "\n"), 100),
             Contains("--categories has 1 entry, the dataset 100 samples (in "));
  CHECK_THAT(refused_categories(folder.file("e.bin", "x"), 1),
             Contains("--categories cannot read ") && Contains("is of no known kind"));
  CHECK_THAT(refused_categories("", 1), Contains("--categories names no file"));
  CHECK_THAT(refused_categories(folder / "none.csv", 1), Contains("No such file"));
  CHECK_THAT(
      refused_categories(folder.file("f.npy", npy("<i8", "(2, 3)", std::string(48, '\0'))), 2),
      Contains("has the shape (2, 3) (one number per sample is needed, (N,) or (N,1))"));
  CHECK_THAT(refused_texts(folder / "f.npy", 2),
             Contains("--texts cannot read ") && Contains("it is an array of numbers"));
}

TEST_CASE("columns: numbers, unknown ones are NaN") {
  TempFolder const folder;
  auto const read = numbers(folder.file("a.csv", "cost\n 1.5 \n\nnan\n-2e-3\ninf\n"), 5);
  CHECK(read[0] == 1.5);
  CHECK(std::isnan(read[1]));
  CHECK(std::isnan(read[2]));
  CHECK(read[3] == -2e-3);
  CHECK(std::isinf(read[4]));
  CHECK(numbers(folder.file("b.csv", "a,1\nb,2\n"), 2) == std::vector<double>{1, 2});
  CHECK(numbers(folder.file("c.txt", "3\n4\n"), 2) == std::vector<double>{3, 4});
  CHECK(numbers(folder.file("d.npy", npy("<f2", "(2,)", little<std::uint16_t>({0x3c00, 0xc000}))),
                2) == std::vector<double>{1, -2});
  CHECK(numbers(folder.file("e.npy", npy("<i8", "(2, 1)", little<std::int64_t>({7, -8}))), 2) ==
        std::vector<double>{7, -8});
  CHECK_THAT(refused_numbers(folder.file("f.csv", "1\n0,5\n"), 2), Contains("line 2: 2 fields"));
  CHECK_THAT(refused_numbers(folder.file("g.csv", "loss\n1\nlow\n"), 2),
             Contains("g.csv, line 3: 'low' is no number"));
  CHECK_THAT(refused_numbers(folder.file("h.csv", "1\n2\n"), 3),
             Contains("--loss has 2 entries, the dataset 3 samples"));
  CHECK_THAT(refused_numbers(folder.file("i.txt", "low\n1\n"), 2),
             Contains("i.txt, line 1: 'low' is no number"));
}

TEST_CASE("columns: HDF5, strings and numbers") {
  TempFolder const folder;
  auto const path = folder / "a.h5";
  auto file = fod::h5::File::create(path);
  file.write_texts("/in/texts", {"b", "", "Ünï\ncode", "b"});
  std::vector<double> const losses{1, 2.5, -3, 4};
  file.create_dataset("/loss", fod::ElementType::float64, {4, 1})
      .write({0, 4}, fod::ElementType::float64, losses.data());
  file.create_dataset("/pairs", fod::ElementType::float64, {2, 2})
      .write({0, 2}, fod::ElementType::float64, losses.data());
  file.close();
  CHECK(texts(path + ":/in/texts", 4) == Texts{"b", "", "Ünï\ncode", "b"});
  CHECK(SampleTexts(path + ":/in/texts", 4).read({1, 3}) == Texts{"", "Ünï\ncode"});
  CHECK(SampleTexts(path + ":/in/texts", 4).read({2, 2}).empty());
  SampleCategories const categories(path + ":/in/texts", 4);
  CHECK(categories.names() == Texts{"b", "Ünï\ncode"});
  CHECK(categories.read({0, 4}) == Indices{0, -1, 1, 0});
  CHECK(numbers(path + ":/loss", 4) == losses);
  CHECK_THAT(refused_texts(path + ":/loss", 4), Contains("it holds no strings"));
  CHECK_THAT(refused_texts(path + ":/none", 4), Contains("/none does not exist"));
  CHECK_THAT(refused_texts(path, 4), Contains("does not say which dataset"));
  CHECK_THAT(refused_numbers(path + ":/in/texts", 4), Contains("no numbers of a known kind"));
  CHECK_THAT(refused_numbers(path + ":/pairs", 2), Contains("has the shape (2, 2)"));
  CHECK_THAT(refused_numbers(path + ":/loss", 5), Contains("--loss has 4 entries"));
}

TEST_CASE("columns: any range of a large table, found from the places remembered") {
  TempFolder const folder;
  std::mt19937 random(1);
  std::string table = "sample_id,text\n";
  Texts all;
  for (int i = 0; i < 5000; ++i) {
    all.push_back("t" + std::to_string(random() % 1000) + std::string(random() % 3, '\n'));
    table += std::to_string(i) + ",\"" + all.back() + "\"\n" + (random() % 5 == 0 ? "\n" : "");
  }
  SampleTexts const read(folder.file("a.csv", table), 5000);
  auto const part = [&](std::int64_t begin, std::int64_t end) {
    return Texts(all.begin() + begin, all.begin() + end);
  };
  for (std::int64_t const begin : {0, 1, 1022, 1023, 1024, 2047, 4999}) {
    for (std::int64_t const size : {0, 1, 2, 1024, 3000}) {
      auto const end = std::min<std::int64_t>(5000, begin + size);
      CHECK(read.read({begin, end}) == part(begin, end));
    }
  }
}

} // namespace dataset_test
