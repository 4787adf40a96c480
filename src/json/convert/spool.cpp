#include "spool.hpp"

#include "fod/error.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace fod::json {

namespace {
constexpr std::size_t memory_limit = std::size_t{96} << 20;
}

Spool::~Spool() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

void Spool::put(RowBatch batch) {
  if (in_file_.empty() && memory_ + batch.bytes() <= memory_limit) {
    memory_ += batch.bytes();
    in_memory_.push_back(std::move(batch));
    return;
  }
  if (fd_ < 0) {
    open();
  }
  in_file_.push_back({end_, batch.rows(), batch.classes, batch.narrow});
  write_all(batch.ids);
  write_all(batch.status);
  write_all(batch.entropy);
  write_all(batch.confidence);
  write_all(batch.prediction);
  write_all(batch.values32);
  write_all(batch.values64);
}

void Spool::drain(std::function<void(RowBatch&)> const& take) {
  for (auto& batch : in_memory_) {
    take(batch);
    batch = {};
  }
  in_memory_.clear();
  RowBatch batch;
  for (auto const& place : in_file_) {
    auto offset = place.offset;
    batch.classes = place.classes;
    batch.narrow = place.narrow;
    auto const numbers = place.rows * place.classes;
    read_all(batch.ids, place.rows, offset);
    read_all(batch.status, place.rows, offset);
    read_all(batch.entropy, place.rows, offset);
    read_all(batch.confidence, place.rows, offset);
    read_all(batch.prediction, place.rows, offset);
    read_all(batch.values32, place.narrow ? numbers : 0, offset);
    read_all(batch.values64, place.narrow ? 0 : numbers, offset);
    take(batch);
  }
}

void Spool::open() {
  auto const parent = std::filesystem::path(beside_).parent_path().string();
  auto const folder = parent.empty() ? std::string(".") : parent;
  fd_ = ::open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (fd_ < 0) { // some file systems have no files without a name
    auto name = folder + "/.fod-import-XXXXXX";
    fd_ = ::mkstemp(name.data());
    if (fd_ >= 0) {
      ::unlink(name.c_str());
    }
  }
  if (fd_ < 0) {
    fail();
  }
}

void Spool::fail() const {
  throw run_failure("cannot keep rows of the import beside " + beside_, errno_text(),
                    "nothing is left behind; make room or choose another output, and run again");
}

void Spool::write(void const* data, std::size_t bytes) {
  auto const* at = static_cast<char const*>(data);
  while (bytes > 0) {
    auto const count = ::pwrite(fd_, at, bytes, end_);
    if (count < 0 && errno != EINTR) {
      fail();
    }
    auto const done = count < 0 ? 0 : count;
    at += done;
    end_ += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

void Spool::read(void* data, std::size_t bytes, std::int64_t& offset) const {
  auto* at = static_cast<char*>(data);
  while (bytes > 0) {
    auto const count = ::pread(fd_, at, bytes, offset);
    if (count == 0 || (count < 0 && errno != EINTR)) {
      fail();
    }
    auto const done = count < 0 ? 0 : count;
    at += done;
    offset += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

template <class Value>
void Spool::write_all(std::vector<Value> const& column) {
  write(column.data(), column.size() * sizeof(Value));
}

template <class Value>
void Spool::read_all(std::vector<Value>& column, std::int64_t count, std::int64_t& offset) const {
  column.resize(static_cast<std::size_t>(count));
  read(column.data(), column.size() * sizeof(Value), offset);
}

} // namespace fod::json
