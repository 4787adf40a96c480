#include "archive.hpp"

#include "fod/error.hpp"

#include <cstdint>

namespace fod {

namespace {

constexpr std::size_t end_size = 22; // of the zip's last record, without its comment

std::uint64_t little_endian(std::string_view digits) {
  std::uint64_t value = 0;
  for (std::size_t i = digits.size(); i-- > 0;) {
    value = value << 8U | static_cast<unsigned char>(digits[i]);
  }
  return value;
}

/// Parts and numbers of the zip, each read within its bounds.
class ZipReader {
public:
  ZipReader(std::string const& path, std::string_view bytes) : path_(path), bytes_(bytes) {}

  [[nodiscard]] std::uint64_t number(std::uint64_t at, std::size_t size) const {
    return little_endian(part(at, size));
  }

  [[nodiscard]] std::string_view part(std::uint64_t at, std::uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) {
      throw damaged();
    }
    return bytes_.substr(at, size);
  }

  [[nodiscard]] Error damaged() const {
    return bad_input("cannot load the model " + path_, "its directory of files is damaged",
                     "copy or export it again");
  }

private:
  std::string const& path_;
  std::string_view bytes_;
};

/// Where the zip's last record begins; npos without one, so if the file is cut.
std::size_t find_end(std::string_view bytes) {
  // Models can hold whole zips, so only a record that reaches the file's very end counts.
  for (auto at = bytes.rfind("PK\x05\x06"); at != std::string_view::npos;
       at = at > 0 ? bytes.rfind("PK\x05\x06", at - 1) : std::string_view::npos) {
    constexpr std::size_t longest_comment = 0xFFFF;
    if (bytes.size() - at > end_size + longest_comment) {
      break;
    }
    if (bytes.size() - at >= end_size &&
        bytes.size() - at - end_size == little_endian(bytes.substr(at + 20, 2))) {
      return at;
    }
  }
  return std::string_view::npos;
}

struct Directory {
  std::uint64_t at = 0;
  std::uint64_t count = 0;
};

Directory find_directory(ZipReader const& zip, std::uint64_t end) {
  Directory found{zip.number(end + 16, 4), zip.number(end + 10, 2)};
  constexpr std::uint64_t locator_size = 20;
  if (end >= locator_size && zip.part(end - locator_size, 4) == "PK\x06\x07") {
    auto const wide_end = zip.number(end - locator_size + 8, 8); // of files beyond 4 GB
    found = {zip.number(wide_end + 48, 8), zip.number(wide_end + 32, 8)};
  }
  return found;
}

/// Size and place of a record, of which the wide forms stand in an extra field.
struct Extent {
  std::uint64_t size = 0;
  std::uint64_t at = 0;
};

Extent extent_of(ZipReader const& zip, std::uint64_t entry, std::uint64_t name_size) {
  constexpr std::uint64_t in_extra = 0xFFFFFFFF;
  Extent extent{zip.number(entry + 24, 4), zip.number(entry + 42, 4)};
  auto const packed = zip.number(entry + 20, 4);
  auto const begin = entry + 46 + name_size;
  auto const end = begin + zip.number(entry + 30, 2);
  for (auto at = begin; at + 4 <= end; at += 4 + zip.number(at + 2, 2)) {
    if (zip.number(at, 2) != 1) {
      continue;
    }
    auto next = at + 4;
    if (extent.size == in_extra) {
      extent.size = zip.number(next, 8);
      next += 8;
    }
    next += packed == in_extra ? 8 : 0;
    if (extent.at == in_extra) {
      extent.at = zip.number(next, 8);
    }
    break;
  }
  return extent;
}

} // namespace

std::vector<ArchiveRecord> read_archive(std::string const& path, std::string_view bytes) {
  auto const end = find_end(bytes);
  if (end == std::string_view::npos) {
    throw bad_input("cannot load the model " + path, "its end is missing: it is truncated",
                    "copy or export it again");
  }
  ZipReader const zip(path, bytes);
  auto const directory = find_directory(zip, end);
  std::vector<ArchiveRecord> records;
  auto entry = directory.at;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    if (zip.part(entry, 4) != "PK\x01\x02") {
      throw zip.damaged();
    }
    auto const name_size = zip.number(entry + 28, 2);
    auto const extent = extent_of(zip, entry, name_size);
    auto const name = zip.part(entry + 46, name_size);
    auto const begin = extent.at + 30 + zip.number(extent.at + 26, 2) +
                       zip.number(extent.at + 28, 2); // past the record's own header
    auto const is_compressed = zip.number(entry + 10, 2) != 0;
    records.push_back({name, zip.part(begin, is_compressed ? 0 : extent.size), is_compressed,
                       static_cast<std::uint32_t>(zip.number(entry + 16, 4))});
    entry += 46 + name_size + zip.number(entry + 30, 2) + zip.number(entry + 32, 2);
  }
  return records;
}

} // namespace fod
