#include "formats.hpp"
#include "gzip.hpp"
#include "rows.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <utility>

// An IDX file: two zero bytes, a type code, the number of dimensions, their extents as unsigned
// 32-bit numbers, then the elements; all numbers big-endian.
namespace fod {

namespace {

constexpr std::size_t magic_size = 4;
constexpr std::size_t extent_size = 4;
constexpr std::size_t max_rank = 64; // as NumPy
constexpr bool swapped = std::endian::native == std::endian::little;

std::optional<ElementType> type_of_code(std::byte code) {
  switch (std::to_integer<int>(code)) {
  case 0x08:
    return ElementType::uint8;
  case 0x09:
    return ElementType::int8;
  case 0x0b:
    return ElementType::int16;
  case 0x0c:
    return ElementType::int32;
  case 0x0d:
    return ElementType::float32;
  case 0x0e:
    return ElementType::float64;
  default:
    return std::nullopt;
  }
}

/// Size of the whole header, known from the magic.
std::size_t header_size(std::span<std::byte const> magic) {
  return magic_size + extent_size * std::to_integer<std::size_t>(magic[3]);
}

Rows parse_header(std::string const& path, std::string name, std::span<std::byte const> bytes) {
  auto const size = header_size(bytes);
  if (size > magic_size + extent_size * max_rank) {
    throw bad_input(path + " has a damaged IDX header",
                    "it says " + std::to_string(std::to_integer<int>(bytes[3])) + " dimensions",
                    "copy or download it again");
  }
  if (bytes.size() < size) {
    throw bad_input(path + " is truncated",
                    "its IDX header takes " + std::to_string(size) + " bytes, the file has " +
                        std::to_string(bytes.size()),
                    "copy or download it again");
  }
  Shape shape;
  for (std::size_t at = magic_size; at < size; at += extent_size) {
    std::int64_t extent = 0;
    for (auto const byte : bytes.subspan(at, extent_size)) {
      extent = extent << 8 | std::to_integer<std::int64_t>(byte);
    }
    shape.push_back(extent);
  }
  return rows_of(path, {std::move(name), type_of_code(bytes[2]).value(), {}}, shape);
}

void check_size(std::string const& path, Rows const& rows, std::size_t has, bool more_may_follow) {
  auto const needs = static_cast<std::size_t>(rows.bytes);
  if (has == needs) {
    return;
  }
  auto const shape = with_leading(rows.size, rows.field.shape);
  auto const more = has > needs && more_may_follow ? " or more" : "";
  throw bad_input(path + (has < needs ? " is truncated" : " has bytes left over"),
                  "shape " + to_string(shape) + " of " + std::string(name_of(rows.field.type)) +
                      " takes " + std::to_string(needs) + " bytes, the file has " +
                      std::to_string(has) + more + " after its header",
                  "copy or download it again");
}

} // namespace

bool is_idx(std::span<std::byte const> bytes) {
  return bytes.size() >= magic_size && bytes[0] == std::byte{0} && bytes[1] == std::byte{0} &&
         type_of_code(bytes[2]).has_value();
}

std::unique_ptr<DataSource> open_idx(MappedFile file, std::string name) {
  auto path = file.path();
  auto rows = parse_header(path, std::move(name), file.bytes());
  auto const offset = header_size(file.bytes());
  check_size(path, rows, file.bytes().size() - offset, false);
  return std::make_unique<RowSource>(std::move(path), std::move(rows), std::move(file), offset,
                                     swapped);
}

bool is_gzip(std::span<std::byte const> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

// Samples are read at any place, which gzip cannot do: all are decompressed at once, into memory.
// IDX files are small (MNIST's take 47 MB); a large one is better mapped.
std::unique_ptr<DataSource> open_idx_gzip(std::string const& path, std::string name) {
  constexpr std::int64_t limit = std::int64_t{4} << 30;
  GzipReader reader(path);
  std::vector<std::byte> header;
  reader.append(magic_size, header);
  if (!is_idx(header)) {
    throw bad_input(path + " holds no IDX file",
                    header.empty()
                        ? "it is empty"
                        : "decompressed, it begins with the bytes " + leading_bytes(header),
                    "decompress it with gunzip; of compressed files only IDX is read");
  }
  reader.append(header_size(header) - magic_size, header);
  auto rows = parse_header(path, std::move(name), header);
  if (rows.bytes > limit) {
    throw bad_input(path + " is too large to be read compressed",
                    "its header says " + std::to_string(rows.bytes) +
                        " bytes, which each rank would keep in memory",
                    "decompress it with gunzip and name the plain file");
  }
  std::vector<std::byte> data;
  // One byte more than there should be proves the end; the rest of a bomb is never expanded.
  reader.append(static_cast<std::size_t>(rows.bytes) + 1, data);
  check_size(path, rows, data.size(), true);
  return std::make_unique<RowSource>(path, std::move(rows), std::move(data), 0, swapped);
}

} // namespace fod
