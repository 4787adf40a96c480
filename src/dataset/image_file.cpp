#include "image_decode.hpp"

#include "fod/error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fod {

namespace {

/// Closes a descriptor at the end of a scope.
struct Closer {
  int id;
  explicit Closer(int open) : id(open) {}
  Closer(Closer const&) = delete;
  Closer& operator=(Closer const&) = delete;
  ~Closer() { ::close(id); }
};

} // namespace

void read_image_file(std::string const& path, std::vector<std::byte>& bytes) {
  int const id = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (id < 0) {
    throw UnreadableImage(errno_text());
  }
  Closer const closer(id);
  struct stat status {};
  if (::fstat(id, &status) != 0) {
    throw UnreadableImage(errno_text());
  }
  if (!S_ISREG(status.st_mode)) {
    throw UnreadableImage("it is no regular file");
  }
  bytes.resize(static_cast<std::size_t>(status.st_size));
  for (std::size_t done = 0; done < bytes.size();) {
    auto const got = ::read(id, bytes.data() + done, bytes.size() - done);
    if (got <= 0) {
      throw UnreadableImage(got < 0 ? errno_text() : "it became shorter while it was read");
    }
    done += static_cast<std::size_t>(got);
  }
}

} // namespace fod
