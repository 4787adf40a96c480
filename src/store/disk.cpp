#include "disk.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace fod::store {

Descriptor::Descriptor(std::string const& path, int flags, unsigned mode)
    : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)), path_(path) {
  if (fd_ < 0) {
    throw run_failure("cannot open " + path, errno_text());
  }
}

Descriptor::Descriptor(Descriptor&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

void Descriptor::sync() const {
  if (::fsync(fd_) != 0) {
    throw run_failure("cannot bring " + path_ + " to the disk", errno_text(),
                      "see that the disk is healthy and has room, then start the job again "
                      "with --resume");
  }
}

void Descriptor::start_writing() const noexcept {
  ::sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE);
}

void write_all(Descriptor const& file, void const* data, std::size_t bytes, std::int64_t offset) {
  auto const* from = static_cast<std::byte const*>(data);
  while (bytes > 0) {
    auto const count = ::pwrite(file.get(), from, bytes, offset);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      throw run_failure("cannot write " + file.path(), errno_text(),
                        "see that the disk is healthy and has room, then start the job again "
                        "with --resume");
    }
    from += count;
    offset += count;
    bytes -= static_cast<std::size_t>(count);
  }
}

void read_all(Descriptor const& file, void* data, std::size_t bytes, std::int64_t offset) {
  auto* to = static_cast<std::byte*>(data);
  while (bytes > 0) {
    auto const count = ::pread(file.get(), to, bytes, offset);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      throw run_failure("cannot read " + file.path(),
                        count == 0 ? "it ends too early" : errno_text());
    }
    to += count;
    offset += count;
    bytes -= static_cast<std::size_t>(count);
  }
}

std::string folder_of(std::string const& path) {
  auto const folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string fresh_path(std::string const& path) {
  return path + ".new";
}

void make_folder(std::string const& path) {
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    throw run_failure("cannot make the folder " + path, errno_text());
  }
}

std::vector<std::string> files_in(std::string const& path) {
  std::vector<std::string> names;
  if (auto* const folder = ::opendir(path.c_str()); folder != nullptr) {
    for (auto const* entry = ::readdir(folder); entry != nullptr; entry = ::readdir(folder)) {
      if (std::string const name = entry->d_name; name != "." && name != "..") {
        names.push_back(name);
      }
    }
    ::closedir(folder);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void remove_folder(std::string const& path) {
  for (auto const& name : files_in(path)) {
    ::unlink((path + "/" + name).c_str());
  }
  ::rmdir(path.c_str());
}

void reserve_space(std::string const& path) {
  Descriptor const file(path, O_RDWR);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    throw run_failure("cannot look at " + path, errno_text());
  }
  if (status.st_size == 0 || ::fallocate(file.get(), 0, 0, status.st_size) == 0) {
    return;
  }
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
    throw bad_input("cannot reserve " + std::to_string(status.st_size) + " bytes for " + path,
                    errno_text(), "make room there, or choose another place with --out");
  }
  // EOPNOTSUPP and the like: a file system that cannot reserve. Writing will tell.
}

void publish(std::string const& from, std::string const& to) {
  Descriptor(from, O_RDWR).sync();
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    throw run_failure("cannot rename " + from + " to " + to, errno_text(),
                      "see that the folder is there and can be written, then start the job again "
                      "with --resume");
  }
  Descriptor(folder_of(to), O_RDONLY | O_DIRECTORY).sync();
}

} // namespace fod::store
