#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

struct gzFile_s; // NOLINT(readability-identifier-naming): zlib's name

namespace fod {

/// Decompresses a gzip file from its beginning on. Move-only.
class GzipReader {
public:
  /// @throws Error (usage) if it cannot be opened
  explicit GzipReader(std::string path);

  /// Appends the next `count` bytes to `out`, fewer only at the end of the file. Memory grows with
  /// what is there, not with what is asked for.
  /// @throws Error (usage) with zlib's text if the file is truncated or damaged
  void append(std::size_t count, std::vector<std::byte>& out);

private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };
  [[noreturn]] void throw_library_error() const;

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

} // namespace fod
