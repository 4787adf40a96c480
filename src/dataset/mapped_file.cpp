#include "mapped_file.hpp"

#include "fod/error.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace fod {

namespace {

/// Move-only owner of a file descriptor.
class Descriptor {
public:
  // A named pipe would block without O_NONBLOCK; it is refused once it is open.
  explicit Descriptor(std::string const& path)
      : id_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (id_ < 0) {
      throw bad_input("cannot open " + path, errno_text(), "check the path of the file");
    }
  }
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  ~Descriptor() { ::close(id_); }

  [[nodiscard]] int id() const { return id_; }

private:
  int id_;
};

std::size_t size_of_file(Descriptor const& file, std::string const& path) {
  struct stat status {};
  if (::fstat(file.id(), &status) != 0) {
    throw bad_input("cannot ask for the size of " + path, errno_text());
  }
  if (S_ISDIR(status.st_mode)) {
    throw bad_input(path + " is a folder", "a file of samples is needed",
                    "name a .npy, HDF5 (x.h5:/path) or IDX file");
  }
  if (!S_ISREG(status.st_mode)) {
    throw bad_input(path + " is no regular file", "samples are read at any place of it",
                    "copy it into a file");
  }
  return static_cast<std::size_t>(status.st_size);
}

} // namespace

MappedFile::MappedFile(std::string path) : path_(std::move(path)) {
  Descriptor const file(path_);
  auto const size = size_of_file(file, path_);
  if (size == 0) {
    return; // an empty mapping does not exist
  }
  void* const data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.id(), 0);
  if (data == MAP_FAILED) {
    throw bad_input("cannot map " + path_ + " into memory", errno_text());
  }
  data_ = static_cast<std::byte const*>(data);
  size_ = size;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    ::munmap(const_cast<std::byte*>(data_), size_);
  }
}

} // namespace fod
