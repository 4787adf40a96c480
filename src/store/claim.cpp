#include "fod/output_claim.hpp"

#include "blocks.hpp"
#include "creation.hpp"
#include "disk.hpp"
#include "undo.hpp"

#include "fod/error.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
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

/// "12 of 29 blocks done"; empty if the file cannot be read.
std::string progress_of(std::string const& partial) {
  try {
    ResultReader const reader(partial);
    if (reader.complete()) {
      return "it only lacks its name";
    }
    std::string text;
    for (auto const& ledger : reader.ledgers()) {
      BlockScanner const scanner(reader, ledger);
      auto const blocks = reader.layout().blocks;
      std::int64_t done = 0;
      for (auto block = blocks.begin; block < blocks.end; ++block) {
        done += scanner.done(block) ? 1 : 0;
      }
      text += (text.empty() ? "" : ", ") + std::to_string(done) + " of " +
              std::to_string(blocks.size()) + " blocks done" +
              (is_first(ledger) ? "" : " in the second pass");
    }
    return text;
  } catch (Error const&) {
    return {};
  }
}

/// @param holder of the lock before; empty if it is not known
void refuse_existing(std::string const& path, OutputPolicy const& policy,
                     std::string const& holder) {
  auto const partial = partial_path(path);
  bool const result_there = fs::exists(path);
  if (policy.overwrite || (result_there && policy.resume && !fs::exists(partial))) {
    return;
  }
  if (result_there) {
    throw bad_input(path + " is there already",
                    policy.resume ? "and so is " + partial + ", of a job that was to replace it"
                                  : "it would be replaced",
                    policy.resume ? "pass --overwrite --resume to finish and replace it, or remove "
                                    "one of the two"
                                  : "pass --overwrite to replace it, or choose another output");
  }
  if (!policy.resume && fs::exists(partial) && !(policy.disposable && policy.disposable(partial))) {
    auto const progress = progress_of(partial);
    throw bad_input(partial + " is there already",
                    "an earlier job" + (holder.empty() ? "" : " (" + holder + ")") +
                        " left it unfinished: " +
                        (progress.empty() ? "it was ended while being created" : progress),
                    "pass --resume to go on, --overwrite to start anew, or choose another output");
  }
}

std::string text_of(int fd) {
  std::array<char, 512> buffer{};
  auto const length = ::pread(fd, buffer.data(), buffer.size() - 1, 0);
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(0, length))};
}

std::string own_host() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return host.data();
}

constexpr char const* process_word = "process ";

/// Who holds a lock, for the message that a second job gets.
void sign(int fd) {
  auto text = process_word + std::to_string(::getpid()) + " on " + own_host();
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

/// True if the text of a lock names a process of this machine that is no more.
bool is_dead(std::string const& holder) {
  long pid = 0;
  std::array<char, 256> host{};
  return std::sscanf(holder.c_str(), "process %ld on %255[^, ]", &pid, host.data()) == 2 &&
         own_host() == host.data() && ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
}

Error is_taken(std::string const& path, std::string const& holder, std::string const& remedy) {
  return bad_input("another job is writing " + path,
                   holder.empty() ? "it does not say who it is" : holder, remedy);
}

/// A lock, and who had it before and did not give it back.
struct Lock {
  int fd = -1;
  std::string before;
};

Lock take_lock(std::string const& lock_path, std::string const& path) {
  for (;;) {
    int const fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
      throw bad_input("cannot write " + lock_path, errno_text(), "choose another --out");
    }
    bool const locked = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    auto const reason = errno;
    auto holder = text_of(fd);
    if (!locked && reason == EWOULDBLOCK) {
      ::close(fd);
      throw is_taken(path, holder, "wait for it, end it, or choose another --out");
    }
    if (!locked && !holder.empty() && !is_dead(holder)) {
      ::close(fd); // a file system without locks: the name alone warns
      throw is_taken(path, holder,
                     "this file system has no locks: if that job has ended, remove " + lock_path);
    }
    if (is_still_named(fd, lock_path)) {
      return {fd, std::move(holder)};
    }
    ::close(fd);
  }
}

/// What an end in the middle of creating or finishing left. @return what is to be said of it
std::vector<std::string> tidy(std::string const& path, OutputPolicy const& policy) {
  std::vector<std::string> notes;
  auto const partial = partial_path(path);
  if (fs::exists(partial)) {
    restore_undo(partial, undo_path(path));
  }
  if (::unlink(fresh_path(partial).c_str()) == 0 && policy.resume && !fs::exists(partial)) {
    notes.push_back(partial + " was ended while being created: starting anew");
  }
  if (!fs::exists(partial)) {
    remove_state(path); // of a job that was ended just after it had given its file the final name
  }
  return notes;
}

} // namespace

void check_output(std::string const& path, OutputPolicy const& policy) {
  require_folder(path);
  refuse_existing(path, policy, {});
}

OutputClaim::OutputClaim(std::string const& path, OutputPolicy const& policy)
    : lock_path_(path + ".lock") {
  require_folder(path);
  auto lock = take_lock(lock_path_, path);
  lock_ = lock.fd;
  try {
    notes_ = tidy(path, policy);
    refuse_existing(path, policy, lock.before);
    if (!lock.before.empty()) {
      notes_.insert(notes_.begin(), "the job that held " + lock_path_ + " (" + lock.before +
                                        ") ended without giving it back");
    }
    sign(lock_);
    auto const partial = partial_path(path);
    if (policy.resume && fs::exists(partial)) {
      if (progress_of(partial).empty()) {
        notes_.push_back(partial + " was ended while being created: starting anew");
      } else {
        found_ = Found::partial;
      }
    } else if (policy.resume && !policy.overwrite && fs::exists(path)) {
      found_ = Found::result;
    }
  } catch (...) {
    if (lock.before.empty()) {
      ::unlink(lock_path_.c_str()); // else it still names that job
    }
    ::close(lock_);
    throw;
  }
}

OutputClaim::~OutputClaim() {
  ::unlink(lock_path_.c_str());
  ::close(lock_);
}

} // namespace fod::store
