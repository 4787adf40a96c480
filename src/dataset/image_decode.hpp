#pragma once

#include "fod/image.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

/// Inside of the dataset module: from the bytes of a JPEG or PNG file to 8-bit pixels, the same as
/// Pillow's `convert("RGB")` or `convert("L")`. The orientation that a camera noted is not applied.
namespace fod {

/// An image that cannot be read; `what()` says why, in the library's words.
class UnreadableImage : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Row after row, the channels of a pixel side by side.
struct Pixels {
  ImageSize size;
  std::size_t channels = 0; ///< 3 or 1
  std::vector<std::uint8_t> values;

  /// Gives room to `count` values for each pixel.
  void resize(ImageSize extents, std::size_t count);
};

/// Reads the whole file. @throws UnreadableImage, also for a pipe, which could keep a job waiting
void read_image_file(std::string const& path, std::vector<std::byte>& bytes);

/// Decodes a file, whose first bytes say what it is, whatever its name.
/// @param out its memory is used again
/// @throws UnreadableImage if it is neither JPEG nor PNG, damaged or cut off
void decode_image(std::span<std::byte const> file, ImageMode mode, Pixels& out);
/// Extents of an image, from its header alone. @throws UnreadableImage
ImageSize size_of_image(std::span<std::byte const> file);

void decode_jpeg(std::span<std::byte const> file, ImageMode mode, Pixels& out);
ImageSize size_of_jpeg(std::span<std::byte const> file);

/// 16-bit values are given by their high byte, colours of a palette in full; alpha is dropped.
void decode_png(std::span<std::byte const> file, ImageMode mode, Pixels& out);
ImageSize size_of_png(std::span<std::byte const> file);

/// Replaces colours by their luma, as Pillow does.
void make_gray(Pixels& pixels);

/// @throws UnreadableImage for extents so large that Pillow too takes them for an attack
void check_extents(ImageSize size);

} // namespace fod
