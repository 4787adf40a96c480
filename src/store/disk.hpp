#pragma once

#include <cstdint>
#include <string>

/// Inside of the store module: what the file system is asked for beside HDF5.
namespace fod::store {

/// Move-only owner of a plain descriptor.
class Descriptor {
public:
  /// @throws Error (failed) with the system's text
  Descriptor(std::string const& path, int flags, unsigned mode = 0);
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  ~Descriptor();
  [[nodiscard]] int get() const { return fd_; }
  /// Waits until all that was written to the file is on the disk. @throws Error (failed)
  void sync() const;

private:
  int fd_ = -1;
  std::string path_;
};

/// The folder that holds `path`.
std::string folder_of(std::string const& path);

/// Reserves the file's whole size on the disk where the file system can.
/// @throws Error (usage) if there is no room
void reserve_space(std::string const& path);

/// Gives a file that is on the disk its final name, and makes the name itself lasting.
void publish(std::string const& from, std::string const& to);

} // namespace fod::store
