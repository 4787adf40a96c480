#pragma once

#include "dataset_files.hpp"

/// Images that the tests of the dataset module write.
namespace dataset_test {

inline std::uint32_t adler32_of(std::string const& bytes) {
  std::uint32_t low = 1;
  std::uint32_t high = 0;
  for (char const c : bytes) {
    low = (low + static_cast<unsigned char>(c)) % 65521;
    high = (high + low) % 65521;
  }
  return high << 16 | low;
}

inline std::string png_chunk(std::string const& name, std::string const& data) {
  auto const size = static_cast<std::uint32_t>(data.size());
  return big(std::vector<std::uint32_t>{size}) + name + data +
         big(std::vector<std::uint32_t>{crc32_of(name + data)});
}

/// A PNG file of 8-bit gray (kind 0) or RGB (kind 2), below 64 kB. @param rows without filter bytes
inline std::string png(std::uint32_t width, std::uint32_t height, std::string const& pixels,
                       char kind = 0) {
  std::string rows;
  auto const stride = pixels.size() / height;
  for (std::size_t at = 0; at < pixels.size(); at += stride) {
    rows += '\0' + pixels.substr(at, stride);
  }
  auto const size = static_cast<std::uint16_t>(rows.size());
  auto const inverse = static_cast<std::uint16_t>(~size);
  auto const stored = std::string("\x78\x01\x01", 3) +
                      little(std::vector<std::uint16_t>{size, inverse}) + rows +
                      big(std::vector<std::uint32_t>{adler32_of(rows)});
  auto const header =
      big(std::vector<std::uint32_t>{width, height}) + '\x08' + kind + std::string(3, '\0');
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", stored) +
         png_chunk("IEND", "");
}

/// A folder of images, by their paths in it.
class ImageFolder : public TempFolder {
public:
  /// Writes a file, and the folders that it lies in; the path of the file.
  std::string add(std::string const& path, std::string const& bytes) const {
    auto const whole = *this / ("images/" + path);
    std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
    std::ofstream(whole, std::ios::binary) << bytes;
    return whole;
  }
  [[nodiscard]] std::string root() const { return *this / "images"; }
};

} // namespace dataset_test
