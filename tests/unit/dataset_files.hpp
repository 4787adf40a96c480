#pragma once

#include "fod/dataset.hpp"
#include "fod/error.hpp"
#include "temporary_folder.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

/// Files that the tests of the dataset module write and read.
namespace dataset_test {

/// A folder with files of given bytes.
class TempFolder : public TemporaryFolder {
public:
  /// Writes a file and returns its path.
  [[nodiscard]] std::string file(std::string const& name, std::string const& bytes) const {
    auto path = *this / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
};

/// The bytes of numbers in native order, or reversed.
template <class T>
std::string bytes_of(std::vector<T> const& values, bool reversed = false) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
  }
  for (std::size_t i = 0; reversed && i < bytes.size(); i += sizeof(T)) {
    auto const first = bytes.begin() + static_cast<std::ptrdiff_t>(i);
    std::reverse(first, first + static_cast<std::ptrdiff_t>(sizeof(T)));
  }
  return bytes;
}

constexpr bool native_is_little = std::endian::native == std::endian::little;

template <class T>
std::string little(std::vector<T> const& values) {
  return bytes_of(values, !native_is_little);
}
template <class T>
std::string big(std::vector<T> const& values) {
  return bytes_of(values, native_is_little);
}

/// A .npy file with this header, of any quality.
/// @param length what the file says of the header's length, by default the truth
inline std::string npy_with_header(std::string const& header, std::string const& data = {},
                                   int version = 1, std::optional<std::uint32_t> length = {}) {
  auto const says = length.value_or(static_cast<std::uint32_t>(header.size()));
  auto const field = version == 1
                         ? little(std::vector<std::uint16_t>{static_cast<std::uint16_t>(says)})
                         : little(std::vector<std::uint32_t>{says});
  return "\x93NUMPY" + std::string{static_cast<char>(version), '\0'} + field + header + data;
}

/// A .npy file as NumPy writes it. @param shape in Python's words, "(3, 2)"
inline std::string npy(std::string const& descr, std::string const& shape, std::string const& data,
                       int version = 1) {
  auto header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize((header.size() / 64 + 2) * 64 - (version == 1 ? 11 : 13), ' ');
  return npy_with_header(header + "\n", data, version);
}

/// An IDX file.
inline std::string idx(int code, std::vector<std::uint32_t> const& shape, std::string const& data) {
  return std::string{'\0', '\0', static_cast<char>(code), static_cast<char>(shape.size())} +
         big(shape) + data;
}

inline std::uint32_t crc32_of(std::string const& bytes) {
  std::uint32_t crc = 0xffffffffU;
  for (char const c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
    }
  }
  return ~crc;
}

/// A gzip file of one stored block: at most 65,535 bytes.
inline std::string gzip(std::string const& bytes) {
  auto const size = static_cast<std::uint16_t>(bytes.size());
  auto const inverse = static_cast<std::uint16_t>(~size);
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\x01", 11) +
         little(std::vector<std::uint16_t>{size, inverse}) + bytes +
         little(std::vector<std::uint32_t>{crc32_of(bytes), size});
}

/// Samples of a source as numbers of type T, which is its own.
template <class T>
std::vector<T> values_of(fod::DataSource const& source, fod::IndexRange range) {
  auto const bytes = static_cast<std::size_t>(range.size() * source.field().sample_bytes());
  std::vector<T> values(bytes / sizeof(T));
  source.read(range, std::as_writable_bytes(std::span(values)));
  return values;
}
template <class T>
std::vector<T> values_of(fod::DataSource const& source) {
  return values_of<T>(source, {0, source.size()});
}

/// The message of the error that `step` throws with this exit code; empty if it throws none.
template <class Step>
std::string message_of(fod::ExitCode code, Step step) {
  try {
    step();
  } catch (fod::Error const& error) {
    return error.code() == code ? error.what() : "wrong exit code: " + std::string(error.what());
  }
  return {};
}

/// The message of bad input at opening `spec`.
inline std::string refusal(std::string const& spec) {
  return message_of(fod::ExitCode::usage, [&] { (void)fod::open_source(spec, "x"); });
}

} // namespace dataset_test
