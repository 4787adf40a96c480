#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Inside of the model module: the zip files that torch writes.
namespace fod {

/// One file in an archive; it refers to the archive's bytes.
struct ArchiveRecord {
  std::string_view name;      ///< with its folders, "m/data/version"
  std::string_view bytes;     ///< empty if it is compressed
  bool is_compressed = false; ///< which torch never does
  std::uint32_t crc = 0;      ///< that the directory gives; nothing was compared with it
};

/// The records of a zip file in memory, in the order of its directory.
/// @param path for messages
/// @throws Error (usage) if it is truncated or damaged
std::vector<ArchiveRecord> read_archive(std::string const& path, std::string_view bytes);

} // namespace fod
