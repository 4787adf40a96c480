#include "dataset/image_resize.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

namespace {

using Values = std::vector<std::uint8_t>;

fod::Pixels image(fod::ImageSize size, std::size_t channels, Values values) {
  return {size, channels, std::move(values)};
}

Values scaled(fod::Pixels const& pixels, fod::ImageSize to, fod::ImageSize crop) {
  Values out(static_cast<std::size_t>(crop.height * crop.width) * pixels.channels, 77);
  fod::ResizeMemory memory;
  fod::resize_and_crop(pixels, to, crop, out, memory);
  return out;
}

Values scaled(fod::Pixels const& pixels, fod::ImageSize to) {
  return scaled(pixels, to, to);
}

} // namespace

TEST_CASE("crop at the centre: torchvision's int(round(x / 2)), ties to even, and its padding") {
  CHECK(fod::centre_crop_begin(10, 4) == 3);
  CHECK(fod::centre_crop_begin(5, 4) == 0);  // 0.5
  CHECK(fod::centre_crop_begin(7, 4) == 2);  // 1.5
  CHECK(fod::centre_crop_begin(9, 4) == 2);  // 2.5
  CHECK(fod::centre_crop_begin(11, 4) == 4); // 3.5
  CHECK(fod::centre_crop_begin(4, 4) == 0);
  CHECK(fod::centre_crop_begin(4, 7) == -1); // (7 - 4) // 2 zeros before
  CHECK(fod::centre_crop_begin(4, 8) == -2);
}

TEST_CASE("the longer side is rounded down") {
  fod::ImageResize const resize{256, {}};
  CHECK(resize.of({375, 500}) == fod::ImageSize{256, 341}); // 341.33
  CHECK(resize.of({1, 3}) == fod::ImageSize{256, 768});
  CHECK(fod::ImageResize{1, {}}.of({1000, 999}) == fod::ImageSize{1, 1});
}

TEST_CASE("what keeps its size keeps its values, channel after channel") {
  Values values(std::size_t{4} * 5 * 3);
  std::iota(values.begin(), values.end(), std::uint8_t{0});
  auto const planes = scaled(image({4, 5}, 3, values), {4, 5});
  for (std::size_t i = 0; i < 20; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      CHECK(planes[c * 20 + i] == values[i * 3 + c]);
    }
  }
}

TEST_CASE("a flat image stays flat at every size") {
  for (auto const level : Values{0, 1, 128, 254, 255}) {
    for (std::int64_t const from : {1, 2, 3, 7, 64}) {
      auto const pixels = image({from, 9}, 1, Values(static_cast<std::size_t>(from) * 9, level));
      for (std::int64_t const to : {1, 2, 5, 13, 100}) {
        auto const out = scaled(pixels, {to, 4});
        CHECK(std::all_of(out.begin(), out.end(), [&](auto value) { return value == level; }));
      }
    }
  }
}

TEST_CASE("small answers, by hand") {
  // To twice the length: weights 3/4 and 1/4; at the ends one pixel alone.
  CHECK(scaled(image({1, 2}, 1, {0, 100}), {1, 4}) == Values{0, 25, 75, 100});
  // To half: a triangle over four pixels, weights 1, 3, 3, 1; at the ends 3, 3, 1 of 7.
  CHECK(scaled(image({1, 4}, 1, {0, 70, 140, 210}), {1, 2}) == Values{50, 160});
  CHECK(scaled(image({4, 1}, 1, {0, 70, 140, 210}), {2, 1}) == Values{50, 160});
  // To one pixel: 3, 4, 5, 4, 3 of 19 over five.
  CHECK(scaled(image({1, 5}, 1, {0, 0, 190, 0, 19}), {1, 1}) == Values{53});
}

TEST_CASE("values are rounded after each direction: across first, unless many more rows go") {
  // Weights 2, 3, 2 of 7 down. Across first 0.5 becomes 1 in two rows, and 5/7 of it 1.
  CHECK(scaled(image({3, 2}, 1, {1, 0, 0, 1, 0, 0}), {1, 1}) == Values{1});
  // Weights 5, 7, 7, 5 of 24 down. Down first 10/24 and 7/24 become 0; across first it were 1.
  CHECK(scaled(image({4, 2}, 1, {1, 0, 0, 1, 0, 0, 1, 0}), {1, 1}) == Values{0});
}

TEST_CASE("cropping equals scaling all and cutting out, in both orders") {
  for (auto const size : {fod::ImageSize{40, 23}, {23, 40}, {90, 8}}) {
    Values values(static_cast<std::size_t>(size.height * size.width) * 3);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<std::uint8_t>(i * i * 31 % 251);
    }
    auto const pixels = image(size, 3, values);
    for (auto const to : {fod::ImageSize{17, 12}, {12, 31}, {50, 60}}) {
      auto const whole = scaled(pixels, to);
      auto const part = scaled(pixels, to, {7, 14});
      auto const top = fod::centre_crop_begin(to.height, 7);
      auto const left = fod::centre_crop_begin(to.width, 14);
      for (std::int64_t i = 0; i < std::int64_t{3} * 7 * 14; ++i) {
        auto const x = i % 14 + left;
        auto const y = i / 14 % 7 + top;
        auto const c = i / (std::int64_t{7} * 14);
        bool const inside = x >= 0 && x < to.width;
        auto const at = static_cast<std::size_t>((c * to.height + y) * to.width + x);
        CHECK(part[static_cast<std::size_t>(i)] == (inside ? whole[at] : 0));
      }
    }
  }
}

TEST_CASE("a crop larger than the image is padded with zeros on all sides") {
  CHECK(scaled(image({1, 1}, 1, {9}), {1, 1}, {4, 4}) ==
        Values{0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(scaled(image({1, 2}, 1, {8, 9}), {1, 2}, {2, 2}) == Values{8, 9, 0, 0});
}
