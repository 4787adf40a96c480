#pragma once

#include "image_decode.hpp"

#include <cstdint>
#include <span>
#include <vector>

/// Inside of the dataset module: scaling and cropping, pixel for pixel as Pillow and torchvision.
namespace fod {

/// First of `crop` pixels at the centre of `size`, rounded as torchvision's CenterCrop does.
/// Negative if the crop is larger: so many zeros come before the image.
[[nodiscard]] constexpr std::int64_t centre_crop_begin(std::int64_t size, std::int64_t crop) {
  if (crop > size) {
    return -((crop - size) / 2);
  }
  auto const half = (size - crop) / 2;
  bool const tie = (size - crop) % 2 != 0; // goes to the even one
  return tie && half % 2 != 0 ? half + 1 : half;
}

/// Memory that is used again from image to image.
struct ResizeMemory {
  std::vector<double> weights;
  std::vector<std::uint8_t> rows;
  std::vector<std::int32_t> sums;
};

/// Scales an image to `scaled` (bilinear, with antialias, in Pillow's 8-bit fixed point) and takes
/// `wanted` pixels at its centre, with zeros where it is smaller.
/// @param out channel after channel, each `wanted.height` rows of `wanted.width`
void resize_and_crop(Pixels const& image, ImageSize scaled, ImageSize wanted,
                     std::span<std::uint8_t> out, ResizeMemory& memory);

} // namespace fod
