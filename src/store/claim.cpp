#include "blocks.hpp"
#include "disk.hpp"

#include "fod/error.hpp"

#include <array>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fod::store {

namespace {

namespace fs = std::filesystem;

void require_folder(std::string const& path) {
  auto const folder = folder_of(path);
  if (!fs::is_directory(folder)) {
    throw bad_input("cannot write " + path, "the folder " + folder + " does not exist",
                    "make it with `mkdir -p " + folder + "`, or choose another output");
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    throw bad_input("cannot write " + path, folder + ": " + errno_text(),
                    "choose another output, or ask for the right to write there");
  }
  if (fs::is_directory(path)) {
    throw bad_input("cannot write " + path, "it is a folder",
                    "name a file, such as " + path + "/result.h5");
  }
}

/// "12 of 29 blocks done", or that the file cannot be read.
std::string progress_of(std::string const& partial) {
  try {
    ResultReader const reader(partial);
    BlockScanner const scanner(reader, reader.ledgers().front());
    auto const blocks = reader.layout().blocks;
    std::int64_t done = 0;
    for (auto block = blocks.begin; block < blocks.end; ++block) {
      done += scanner.done(block) ? 1 : 0;
    }
    return std::to_string(done) + " of " + std::to_string(blocks.size()) + " blocks done";
  } catch (Error const&) {
    return "it was ended while being created";
  }
}

void refuse_existing(std::string const& path) {
  if (fs::exists(path)) {
    throw bad_input(path + " is there already", "it would be replaced",
                    "pass --overwrite to replace it, or choose another output");
  }
  if (auto const partial = partial_path(path); fs::exists(partial)) {
    throw bad_input(partial + " is there already",
                    "an earlier job left it unfinished: " + progress_of(partial),
                    "pass --overwrite to start anew, or choose another output");
  }
}

std::string text_of(int fd) {
  std::array<char, 256> buffer{};
  auto const length = ::pread(fd, buffer.data(), buffer.size() - 1, 0);
  std::string text(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(0, length)));
  return text.empty() ? "it does not say who it is" : text;
}

/// Who holds a lock, for the message that a second job gets.
void sign(int fd) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  auto text = "process " + std::to_string(::getpid()) + " on " + host.data();
  if (auto const* job = std::getenv("SLURM_JOB_ID"); job != nullptr) {
    text += ", SLURM job " + std::string(job);
  }
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) < 0) {
    return; // the lock holds without its text
  }
}

/// The lock of a job that has ended may be unlinked between our opening and our locking of it.
bool is_still_named(int fd, std::string const& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

int take_lock(std::string const& lock_path, std::string const& path) {
  for (;;) {
    int const fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
      throw bad_input("cannot write " + lock_path, errno_text(), "choose another --out");
    }
    bool const locked = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (!locked && errno == EWOULDBLOCK) {
      auto const holder = text_of(fd);
      ::close(fd);
      throw bad_input("another job is writing " + path, holder,
                      "wait for it, end it, or choose another --out");
    }
    if (is_still_named(fd, lock_path)) {
      return fd; // also where the file system has no locks: then the name alone warns
    }
    ::close(fd);
  }
}

} // namespace

void check_output(std::string const& path, bool overwrite) {
  require_folder(path);
  if (!overwrite) {
    refuse_existing(path);
  }
}

OutputClaim::OutputClaim(std::string const& path, bool overwrite) : lock_path_(path + ".lock") {
  require_folder(path);
  lock_ = take_lock(lock_path_, path);
  sign(lock_);
  try {
    check_output(path, overwrite);
  } catch (...) {
    ::unlink(lock_path_.c_str());
    ::close(lock_);
    throw;
  }
}

OutputClaim::~OutputClaim() {
  ::unlink(lock_path_.c_str());
  ::close(lock_);
}

} // namespace fod::store
