#include "image_decode.hpp"

#include "rows.hpp"

#include <algorithm>
#include <array>

namespace fod {

namespace {

/// Pillow refuses more than that as a decompression bomb.
constexpr std::int64_t most_pixels = 178'956'970;

template <std::size_t Size>
bool begins_with(std::span<std::byte const> file, std::array<unsigned char, Size> const& magic) {
  return file.size() >= Size &&
         std::equal(magic.begin(), magic.end(), file.begin(), [](unsigned char a, std::byte b) {
           return a == std::to_integer<unsigned char>(b);
         });
}

bool is_jpeg(std::span<std::byte const> file) {
  return begins_with(file, std::array<unsigned char, 3>{0xff, 0xd8, 0xff});
}

bool is_png(std::span<std::byte const> file) {
  return begins_with(file,
                     std::array<unsigned char, 8>{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'});
}

[[noreturn]] void throw_unknown(std::span<std::byte const> file) {
  throw UnreadableImage(file.empty() ? "the file is empty"
                                     : "neither JPEG nor PNG: it begins with the bytes " +
                                           leading_bytes(file));
}

} // namespace

void Pixels::resize(ImageSize extents, std::size_t count) {
  size = extents;
  channels = count;
  values.resize(static_cast<std::size_t>(extents.height * extents.width) * count);
}

void decode_image(std::span<std::byte const> file, ImageMode mode, Pixels& out) {
  if (is_jpeg(file)) {
    return decode_jpeg(file, mode, out);
  }
  if (is_png(file)) {
    return decode_png(file, mode, out);
  }
  throw_unknown(file);
}

ImageSize size_of_image(std::span<std::byte const> file) {
  if (is_jpeg(file)) {
    return size_of_jpeg(file);
  }
  if (is_png(file)) {
    return size_of_png(file);
  }
  throw_unknown(file);
}

void make_gray(Pixels& pixels) {
  auto const* from = pixels.values.data();
  auto const count = pixels.values.size() / 3;
  for (std::size_t i = 0; i < count; ++i, from += 3) {
    // The weights 0.299, 0.587 and 0.114 in units of 2^-16, and a half.
    auto const luma = 19595U * from[0] + 38470U * from[1] + 7471U * from[2] + 0x8000U;
    pixels.values[i] = static_cast<std::uint8_t>(luma >> 16);
  }
  pixels.resize(pixels.size, 1);
}

void check_extents(ImageSize size) {
  if (size.height * size.width > most_pixels) {
    throw UnreadableImage(std::to_string(size.width) + " x " + std::to_string(size.height) +
                          " pixels are more than " + std::to_string(most_pixels));
  }
}

} // namespace fod
