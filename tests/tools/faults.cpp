// A library to be preloaded: makes system calls fail, or kills the process in them, at a place that
// a test names.
//
//   FOD_FAULT=ACTION:CALL:PATH:NUMBER[:RANK]
//
// ACTION is `kill` (SIGKILL before the call), `killafter`, `stop` (SIGSTOP), `nap` (two seconds,
// once, after the file FOD_FAULT_MARK was made) or the name of an error
// (EIO, ENOSPC, EDQUOT, EROFS, ESTALE), which stays from then on, or with `once-` before it hits
// that call alone; CALL is write (pwrite and its kin), read (pread), fsync, rename, truncate, open
// or any (but read); PATH is a part of the file's name; NUMBER counts such calls from 1; RANK is
// the MPI rank that is meant (default: all). With FOD_FAULT_LOG=FILE the calls on files whose name
// has FOD_FAULT_PATH in it are logged, one line each: call, path, offset, bytes.

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

struct Fault {
  bool armed = false;
  std::string action;
  std::string call;
  std::string path;
  bool at_end = false;
  bool once = false;
  long number = 0;

  [[nodiscard]] bool means(std::string const& name) const {
    return at_end ? name.ends_with(path) : name.find(path) != std::string::npos;
  }
};

std::string next(std::string& text) {
  auto const colon = text.find(':');
  auto const word = text.substr(0, colon);
  text = colon == std::string::npos ? "" : text.substr(colon + 1);
  return word;
}

Fault read_fault() {
  Fault fault;
  auto const* given = std::getenv("FOD_FAULT");
  if (given == nullptr) {
    return fault;
  }
  std::string text = given;
  fault.action = next(text);
  if (constexpr std::string_view once = "once-"; fault.action.starts_with(once)) {
    fault.once = true;
    fault.action.erase(0, once.size());
  }
  fault.call = next(text);
  fault.path = next(text);
  if (fault.path.ends_with('$')) {
    fault.path.pop_back();
    fault.at_end = true;
  }
  fault.number = std::atol(next(text).c_str());
  auto const* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  fault.armed = text.empty() || (rank != nullptr && text == rank);
  return fault;
}

Fault const& fault() {
  static Fault const read = read_fault();
  return read;
}

int error_of(std::string const& name) {
  return name == "ENOSPC"   ? ENOSPC
         : name == "EDQUOT" ? EDQUOT
         : name == "EROFS"  ? EROFS
         : name == "ESTALE" ? ESTALE
                            : EIO;
}

std::string path_of(int fd) {
  std::array<char, 4096> path{};
  auto const link = "/proc/self/fd/" + std::to_string(fd);
  auto const length = ::readlink(link.c_str(), path.data(), path.size() - 1);
  return length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : std::string();
}

template <class Function>
Function real(char const* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void log(char const* call, std::string const& path, long long offset, std::size_t bytes) {
  static char const* const file = std::getenv("FOD_FAULT_LOG");
  static char const* const part = std::getenv("FOD_FAULT_PATH");
  if (file == nullptr || part == nullptr || path.find(part) == std::string::npos) {
    return;
  }
  static auto const* const rank = std::getenv("OMPI_COMM_WORLD_RANK");
  static auto const name = std::string(file) + "." + (rank == nullptr ? "0" : rank);
  static int const fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  auto const line = std::string(call) + " " + std::to_string(offset) + " " + std::to_string(bytes) +
                    " " + path + "\n";
  static auto const write = real<ssize_t (*)(int, void const*, std::size_t)>("write");
  static_cast<void>(write(fd, line.data(), line.size()));
}

void nap() {
  if (auto const* mark = std::getenv("FOD_FAULT_MARK"); mark != nullptr) {
    ::close(::open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  }
  timespec left{2, 0};
  while (::nanosleep(&left, &left) != 0) { // a signal does not wake it
  }
}

/// What happens in a call: 0, or the error that it is to give. @param after the call was made
int meet(char const* call, std::string const& path, bool after = false) {
  static std::atomic<long> count{0};
  auto const& given = fault();
  bool const any = given.call == "any" && std::strcmp(call, "read") != 0;
  bool const meant = given.armed && (given.call == call || any) && given.means(path);
  if (!meant) {
    return 0;
  }
  bool const is_kill = given.action == "kill" || given.action == "stop";
  if (after != (given.action == "killafter")) {
    return 0;
  }
  auto const now = ++count;
  if (given.action == "nap") {
    if (now == given.number) {
      nap();
    }
    return 0;
  }
  if (is_kill || given.action == "killafter") {
    if (now == given.number) {
      ::kill(::getpid(), given.action == "stop" ? SIGSTOP : SIGKILL);
    }
    return 0;
  }
  bool const hit = given.once ? now == given.number : now >= given.number;
  return hit ? error_of(given.action) : 0;
}

template <class Call>
auto through(char const* name, std::string const& path, Call const& call) {
  using Result = decltype(call());
  if (auto const error = meet(name, path); error != 0) {
    errno = error;
    return static_cast<Result>(-1);
  }
  auto const result = call();
  auto const kept = errno;
  static_cast<void>(meet(name, path, true));
  errno = kept;
  return result;
}

} // namespace

// The system's headers name the parameters otherwise.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
extern "C" {

ssize_t pwrite64(int fd, void const* data, std::size_t bytes, off64_t offset) {
  auto const path = path_of(fd);
  log("write", path, offset, bytes);
  return through("write", path, [&] {
    return real<ssize_t (*)(int, void const*, std::size_t, off64_t)>("pwrite64")(fd, data, bytes,
                                                                                 offset);
  });
}
ssize_t pread64(int fd, void* data, std::size_t bytes, off64_t offset) {
  auto const path = path_of(fd);
  return through("read", path, [&] {
    return real<ssize_t (*)(int, void*, std::size_t, off64_t)>("pread64")(fd, data, bytes, offset);
  });
}
ssize_t pread(int fd, void* data, std::size_t bytes, off_t offset) {
  return pread64(fd, data, bytes, offset);
}
ssize_t pwrite(int fd, void const* data, std::size_t bytes, off_t offset) {
  return pwrite64(fd, data, bytes, offset);
}
ssize_t pwritev(int fd, iovec const* parts, int count, off_t offset) {
  auto const path = path_of(fd);
  log("write", path, offset, count > 0 ? parts[0].iov_len : 0);
  return through("write", path, [&] {
    return real<ssize_t (*)(int, iovec const*, int, off_t)>("pwritev")(fd, parts, count, offset);
  });
}
ssize_t pwritev64(int fd, iovec const* parts, int count, off64_t offset) {
  return pwritev(fd, parts, count, offset);
}
ssize_t write(int fd, void const* data, std::size_t bytes) {
  auto const path = path_of(fd);
  return through("write", path, [&] {
    return real<ssize_t (*)(int, void const*, std::size_t)>("write")(fd, data, bytes);
  });
}
ssize_t writev(int fd, iovec const* parts, int count) {
  auto const path = path_of(fd);
  return through("write", path, [&] {
    return real<ssize_t (*)(int, iovec const*, int)>("writev")(fd, parts, count);
  });
}
int fsync(int fd) {
  auto const path = path_of(fd);
  log("fsync", path, 0, 0);
  return through("fsync", path, [&] { return real<int (*)(int)>("fsync")(fd); });
}
int rename(char const* from, char const* to) noexcept {
  log("rename", to, 0, 0);
  return through("rename", to,
                 [&] { return real<int (*)(char const*, char const*)>("rename")(from, to); });
}
int ftruncate64(int fd, off64_t length) noexcept {
  auto const path = path_of(fd);
  log("truncate", path, length, 0);
  return through("truncate", path,
                 [&] { return real<int (*)(int, off64_t)>("ftruncate64")(fd, length); });
}
int ftruncate(int fd, off_t length) noexcept {
  return ftruncate64(fd, length);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t bytes) {
  auto const path = path_of(fd);
  log("allocate", path, offset, static_cast<std::size_t>(bytes));
  return through("allocate", path, [&] {
    return real<int (*)(int, int, off64_t, off64_t)>("fallocate64")(fd, mode, offset, bytes);
  });
}
int fallocate(int fd, int mode, off_t offset, off_t bytes) {
  return fallocate64(fd, mode, offset, bytes);
}
int unlink(char const* path) noexcept {
  log("unlink", path, 0, 0);
  return through("unlink", path, [&] { return real<int (*)(char const*)>("unlink")(path); });
}

} // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
