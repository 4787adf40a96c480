#include "dataset_image_files.hpp"

#include <catch2/catch.hpp>

#include <numeric>

namespace dataset_test {

using Catch::Matchers::Contains;

namespace {

std::string levels(std::size_t count, char first) {
  std::string bytes(count, '\0');
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

fod::ImageOptions gray(int threads = 1) {
  fod::ImageOptions options;
  options.mode = fod::ImageMode::gray;
  options.threads = threads;
  return options;
}

} // namespace

TEST_CASE("images: samples, classes and labels of a folder") {
  ImageFolder const folder;
  folder.add("a/1.png", png(3, 2, levels(6, 0)));
  folder.add("a/2.png", png(3, 2, levels(6, 10)));
  folder.add("b/1.png", png(3, 2, levels(18, 100), 2));
  auto const source = fod::open_source(folder.root(), "x");
  CHECK(source->size() == 3);
  CHECK(source->field().type == fod::ElementType::uint8);
  CHECK(source->field().shape == fod::Shape{3, 2, 3});
  CHECK(source->class_names() == std::vector<std::string>{"a", "b"});
  auto const pixels = values_of<std::uint8_t>(*source);
  for (std::size_t i = 0; i < 18; ++i) {
    CHECK(pixels[i] == i % 6);                        // gray, three times
    CHECK(pixels[36 + i] == 100 + i % 6 * 3 + i / 6); // RGB, plane by plane
  }
  fod::Labels const labels(folder.root(), 3);
  std::vector<std::int64_t> all(3);
  labels.read({0, 3}, all);
  CHECK(all == std::vector<std::int64_t>{0, 0, 1});
  CHECK(labels.class_names() == std::vector<std::string>{"a", "b"});
  CHECK_THAT(message_of(fod::ExitCode::usage, [&] { fod::Labels const four(folder.root(), 4); }),
             Contains("hold 3 labels, but the dataset has 4 samples"));
}

TEST_CASE("images: luma") {
  ImageFolder const folder;
  folder.add("a/1.png", png(4, 1, std::string("\xff\0\0\0\xff\0\0\0\xff\xff\xff\xff", 12), 2));
  auto const source = fod::open_source(folder.root(), "x", gray());
  CHECK(source->field().shape == fod::Shape{1, 1, 4});
  CHECK(values_of<std::uint8_t>(*source) == std::vector<std::uint8_t>{76, 150, 29, 255});
}

TEST_CASE("images: any range, any number of threads") {
  ImageFolder const folder;
  std::vector<std::uint8_t> expected;
  for (int i = 0; i < 50; ++i) {
    auto const level = static_cast<char>(5 * i);
    folder.add("a/" + std::to_string(100 + i) + ".png", png(2, 2, std::string(4, level)));
    expected.insert(expected.end(), 4, static_cast<std::uint8_t>(level));
  }
  for (int const threads : {1, 2, 7, 64}) {
    auto const source = fod::open_source(folder.root(), "x", gray(threads));
    CHECK(values_of<std::uint8_t>(*source) == expected);
    CHECK(values_of<std::uint8_t>(*source, {7, 9}) ==
          std::vector<std::uint8_t>(expected.begin() + 28, expected.begin() + 36));
    CHECK(values_of<std::uint8_t>(*source, {9, 9}).empty());
  }
}

TEST_CASE("images: the first bad one is named, whatever the threads; or they are marked") {
  ImageFolder const folder;
  for (int i = 0; i < 30; ++i) {
    bool const bad = i == 11 || i == 12 || i == 29;
    folder.add("a/" + std::to_string(10 + i) + ".png", bad ? "no image" : png(1, 1, "z"));
  }
  for (int const threads : {1, 4}) {
    auto options = gray(threads);
    auto const strict = fod::open_source(folder.root(), "x", options);
    CHECK_THAT(message_of(fod::ExitCode::usage, [&] { values_of<std::uint8_t>(*strict); }),
               Contains("/a/21.png, sample 11 (neither JPEG nor PNG: it begins with the bytes 6e "
                        "6f 20 69 6d 61 67 65)") &&
                   Contains("--skip-bad"));
    options.skip_bad = true;
    auto const source = fod::open_source(folder.root(), "x", options);
    CHECK(source->unreadable({0, 30}).empty());
    auto const pixels = values_of<std::uint8_t>(*source);
    for (std::size_t i = 0; i < 30; ++i) {
      CHECK(pixels[i] == (i == 11 || i == 12 || i == 29 ? 0 : 'z'));
    }
    CHECK(source->unreadable({0, 30}) == std::vector<std::int64_t>{11, 12, 29});
    CHECK(source->unreadable({12, 29}) == std::vector<std::int64_t>{12});
    CHECK_THAT(source->sample_name(12), Catch::EndsWith("/a/22.png"));
  }
}

TEST_CASE("images: all of one size, or an answer to that") {
  ImageFolder const folder;
  folder.add("a/1.png", png(3, 2, levels(6, 0)));
  folder.add("a/2.png", png(2, 3, levels(6, 0)));
  auto const refusal_of = [&](fod::ImageOptions const& options) {
    return message_of(fod::ExitCode::usage, [&] {
      values_of<std::uint8_t>(*fod::open_source(folder.root(), "x", options));
    });
  };
  auto options = gray();
  CHECK_THAT(refusal_of(options),
             Contains("/a/2.png, sample 1, has 2 x 3 pixels (the first image gives 3 x 2 pixels"));
  options.resize = fod::ImageResize{4, {}};
  CHECK_THAT(refusal_of(options), Contains("scaled to 4 x 6 pixels") && Contains("6 x 4 pixels"));
  options.crop = 5;
  CHECK(refusal_of(options).empty());
  options.crop = 0;
  options.resize = fod::ImageResize{0, fod::ImageSize{7, 1}};
  CHECK(refusal_of(options).empty());
  CHECK(fod::open_source(folder.root(), "x", options)->field().shape == fod::Shape{1, 7, 1});
}

TEST_CASE("images: extents that would fill the memory are refused, not tried") {
  ImageFolder const folder;
  folder.add("a/1.png", png(900'000, 900'000, ""));
  CHECK_THAT(refusal(folder.root()), Contains("sample 0 (900000 x 900000 pixels are more than"));
  ImageFolder const thin;
  thin.add("a/1.png", png(60'000, 1, std::string(60'000, 'x')));
  auto options = gray();
  options.resize = fod::ImageResize{256, {}};
  CHECK_THAT(
      message_of(fod::ExitCode::usage, [&] { (void)fod::open_source(thin.root(), "x", options); }),
      Contains("15360000 x 256 pixels are more than"));
  options.crop = 8; // of which a little is enough
  CHECK(values_of<std::uint8_t>(*fod::open_source(thin.root(), "x", options)) ==
        std::vector<std::uint8_t>(64, 'x'));
}

TEST_CASE("images: a dataset passes on what its sources know, also when they are joined") {
  ImageFolder const left;
  ImageFolder const right;
  for (int i = 0; i < 4; ++i) {
    auto const name = "cat/" + std::to_string(i) + ".png";
    left.add(name, i == 1 ? "" : png(1, 1, "a"));
    right.add(name, i == 3 ? "" : png(1, 1, "b"));
  }
  fod::ImageOptions options;
  options.skip_bad = true;
  std::vector<std::string> const both{"l=" + left.root(), "r=" + right.root()};
  for (bool const joined : {false, true}) {
    std::vector<std::string> const names{"l", "r"};
    fod::Dataset const data(both, {}, -1, joined ? names : std::vector<std::string>{},
                            {{}, {}, options});
    for (std::size_t f = 0; f < data.field_count(); ++f) {
      std::vector<std::byte> bytes(static_cast<std::size_t>(4 * data.field(f).sample_bytes()));
      data.read(f, {0, 4}, bytes);
    }
    CHECK(data.unreadable({0, 4}) == std::vector<std::int64_t>{1, 3});
    CHECK(data.class_names() == std::vector<std::string>{"cat"});
    CHECK(data.sample_name(3) == "sample 3 (" + left.root() + "/cat/3.png)");
    CHECK(data.descriptions().size() == (joined ? 1 : 2));
    CHECK_THAT(data.descriptions()[0],
               Contains("4 images in 1 class") && Contains("0 other files ignored"));
  }
  left.add("../x.npy", npy("<f4", "(1,)", little<float>({4})));
  auto const refused = message_of(fod::ExitCode::usage, [&] {
    fod::Dataset const data({left / "x.npy"}, {}, -1, {}, {{}, {}, options});
  });
  CHECK_THAT(refused, Contains("no --data is a folder of images"));
}

} // namespace dataset_test
