#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace fod {

/// Move-only owner of a regular file mapped into memory, read-only.
class MappedFile {
public:
  /// @throws Error (usage) with the system's text if it cannot be opened, or if it is no file
  explicit MappedFile(std::string path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(MappedFile const&) = delete;
  MappedFile& operator=(MappedFile const&) = delete;
  ~MappedFile();

  [[nodiscard]] std::string const& path() const { return path_; }
  [[nodiscard]] std::span<std::byte const> bytes() const { return {data_, size_}; }

private:
  std::string path_;
  std::byte const* data_ = nullptr;
  std::size_t size_ = 0;
};

} // namespace fod
