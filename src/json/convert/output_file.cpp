#include "fod/output_file.hpp"

#include "fod/error.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>

namespace fod::json {

namespace {

namespace fs = std::filesystem;

constexpr int temporary_tries = 100;

std::string folder_of(std::string const& path) {
  auto const folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void refuse_unwritable(std::string const& path, bool overwrite) {
  std::error_code ignored;
  if (!fs::is_directory(folder_of(path), ignored)) {
    throw bad_input("cannot write " + path, "the folder " + folder_of(path) + " does not exist",
                    "make it with `mkdir -p`, or choose another output");
  }
  if (fs::is_directory(path, ignored)) {
    throw bad_input("cannot write " + path, "it is a folder", "name a file in it");
  }
  if (!overwrite && fs::symlink_status(path, ignored).type() != fs::file_type::not_found) {
    throw bad_input(path + " is there already", "it would be replaced",
                    "pass --overwrite to replace it, or choose another output");
  }
}

/// Makes a new name last. Some file systems cannot sync a folder: the data is safe even so.
void sync_folder(std::string const& folder) {
  int const fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    ::fsync(fd);
    ::close(fd);
  }
}

} // namespace

Output::Output(std::string path, bool overwrite) : path_(std::move(path)) {
  if (path_ == "-") {
    path_ = "standard output";
    fd_ = STDOUT_FILENO;
    return;
  }
  refuse_unwritable(path_, overwrite);
  open_temporary();
}

void Output::open_temporary() {
  for (int i = 0; i < temporary_tries; ++i) {
    auto const name = path_ + "." + std::to_string(::getpid()) + "-" + std::to_string(i) + ".tmp";
    fd_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ >= 0) {
      temporary_ = name;
      return;
    }
    if (errno != EEXIST) {
      break;
    }
  }
  throw bad_input("cannot write " + path_, errno_text(), "choose another output");
}

Output::~Output() {
  if (!temporary_.empty()) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }
}

void Output::fail() const {
  if (temporary_.empty()) {
    throw run_failure("cannot write all to " + path_, errno_text(),
                      "what it took is cut short: do not use it, and run again");
  }
  throw run_failure("cannot write " + path_, errno_text(),
                    "nothing is left behind; make room or choose another output, and run again");
}

void Output::write(std::string_view text) {
  bytes_ += static_cast<std::int64_t>(text.size());
  while (!text.empty()) {
    auto const count = ::write(fd_, text.data(), text.size());
    if (count < 0 && errno != EINTR) {
      fail();
    }
    text.remove_prefix(static_cast<std::size_t>(count < 0 ? 0 : count));
  }
}

void Output::sync() {
  if (!temporary_.empty() && ::fsync(fd_) != 0) {
    fail();
  }
}

std::int64_t Output::commit() {
  if (temporary_.empty()) {
    return bytes_;
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail();
  }
  temporary_.clear();
  if (::close(std::exchange(fd_, -1)) != 0) {
    fail();
  }
  sync_folder(folder_of(path_));
  return bytes_;
}

} // namespace fod::json
