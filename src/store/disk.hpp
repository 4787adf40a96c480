#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

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
  [[nodiscard]] std::string const& path() const { return path_; }
  /// Waits until all that was written to the file is on the disk. @throws Error (failed)
  void sync() const;
  /// Asks for that to begin, so that `sync` finds less to wait for. What goes wrong, `sync` tells.
  void start_writing() const noexcept;

private:
  int fd_ = -1;
  std::string path_;
};

/// Writes or reads all of it, at a place in the file. @throws Error (failed) with the system's text
void write_all(Descriptor const& file, void const* data, std::size_t bytes, std::int64_t offset);
void read_all(Descriptor const& file, void* data, std::size_t bytes, std::int64_t offset);

/// The folder that holds `path`.
std::string folder_of(std::string const& path);

/// Name under which a file is written that takes another's place once it is whole.
std::string fresh_path(std::string const& path);

/// @throws Error (failed) unless the folder is there afterwards
void make_folder(std::string const& path);
/// Names of the files in a folder; none if it is not there.
std::vector<std::string> files_in(std::string const& path);
/// Removes a folder that holds files alone, as far as that is possible.
void remove_folder(std::string const& path);

/// Reserves the file's whole size on the disk where the file system can.
/// @throws Error (usage) if there is no room
void reserve_space(std::string const& path);

/// Brings a file to the disk, gives it another name, and makes the name itself lasting. What had
/// that name is replaced in one step. @throws Error (failed)
void publish(std::string const& from, std::string const& to);

} // namespace fod::store
