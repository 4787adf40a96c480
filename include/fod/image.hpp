#pragma once

#include <cstdint>
#include <optional>

namespace fod {

/// Channels that an image is given in.
enum class ImageMode {
  rgb,
  gray ///< luma of ITU-R 601-2
};

/// Pixels down and across.
struct ImageSize {
  std::int64_t height = 0;
  std::int64_t width = 0;

  bool operator==(ImageSize const&) const = default;
};

/// Where an image is scaled to.
struct ImageResize {
  std::int64_t shorter = 0;       ///< length of the shorter side, the aspect is kept
  std::optional<ImageSize> exact; ///< instead, without regard to the aspect

  /// Size that an image is scaled to: the longer side is rounded down, as torchvision does.
  [[nodiscard]] constexpr ImageSize of(ImageSize size) const {
    if (exact) {
      return *exact;
    }
    return size.width <= size.height ? ImageSize{shorter * size.height / size.width, shorter}
                                     : ImageSize{shorter, shorter * size.width / size.height};
  }
};

/// How the images of a folder become samples, in the order of these members.
struct ImageOptions {
  ImageMode mode = ImageMode::rgb;
  std::optional<ImageResize> resize; ///< bilinear, with antialias
  std::int64_t crop = 0;             ///< side of the square at the centre; 0: all of the image
  bool skip_bad = false;             ///< mark images that cannot be read, instead of stopping
  int threads = 1;                   ///< that decode the images of one read

  /// Whether they differ from those of someone who knows of no images.
  [[nodiscard]] constexpr bool given() const {
    return mode != ImageMode::rgb || resize || crop > 0 || skip_bad;
  }
};

} // namespace fod
