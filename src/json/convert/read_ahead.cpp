#include "read_ahead.hpp"

#include "document.hpp"
#include "in_order.hpp"
#include "plain_rows.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace fod::json {

namespace {

constexpr std::size_t slice_bytes = std::size_t{1} << 20;
constexpr std::int64_t memory_for_rows = std::int64_t{64} << 20;

/// The file as slices that end behind a `]`.
class SliceSource {
public:
  SliceSource(std::string const& path, std::int64_t offset) : path_(path), offset_(offset) {
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) {
      fail();
    }
  }
  SliceSource(SliceSource const&) = delete;
  SliceSource& operator=(SliceSource const&) = delete;
  ~SliceSource() { ::close(fd_); }

  /// Fills `buffer` with the next slice and zeros behind it. Its length, 0 if none is left.
  std::size_t next(std::vector<char>& buffer) {
    std::size_t wanted = slice_bytes;
    std::size_t filled = 0;
    std::size_t searched = 0;
    for (;; wanted *= 2) {
      buffer.resize(std::max(buffer.size(), wanted + PlainRows::padding));
      filled = read(buffer, filled, wanted);
      for (auto end = filled; end > searched; --end) {
        if (buffer[end - 1] == ']') {
          std::memset(buffer.data() + end, 0, PlainRows::padding);
          offset_ += static_cast<std::int64_t>(end);
          return end;
        }
      }
      if (filled < wanted) {
        return 0; // what is left has no row
      }
      searched = filled;
    }
  }
  [[nodiscard]] std::int64_t offset() const { return offset_; }

private:
  [[nodiscard]] std::size_t read(std::vector<char>& buffer, std::size_t filled,
                                 std::size_t wanted) const {
    while (filled < wanted) {
      auto const count = ::pread(fd_, buffer.data() + filled, wanted - filled,
                                 offset_ + static_cast<std::int64_t>(filled));
      if (count < 0 && errno != EINTR) {
        fail();
      }
      if (count == 0) {
        break;
      }
      filled += static_cast<std::size_t>(count < 0 ? 0 : count);
    }
    return filled;
  }
  [[noreturn]] void fail() const {
    throw bad_input("cannot read " + path_, errno_text(), "check that it is a file and healthy");
  }

  std::string const& path_;
  std::int64_t offset_;
  int fd_ = -1;
};

/// What the threads share.
struct Shared {
  SliceSource source;
  AheadOptions const& options;
  IdSet& seen;
  std::function<void(RowBatch&&)> const& on_batch;
  Ahead ahead;
};

class Maker : public PieceMaker {
public:
  explicit Maker(Shared& shared) : shared_(shared) {}

  bool take(std::int64_t) override {
    auto const begin = shared_.source.offset();
    length_ = shared_.source.next(buffer_);
    begin_ = begin;
    return length_ > 0;
  }

  void make() override {
    batch_.clear();
    batch_.classes = shared_.options.classes;
    ends_.clear();
    PlainRows rows({buffer_.data(), length_}, batch_.classes);
    while (rows.next() && fault_of(rows.values()) == Fault::none) {
      batch_.add(rows.id(), rows.values(), true);
      ends_.push_back(rows.offset());
    }
  }

  bool give() override {
    std::size_t taken = 0;
    while (taken < ends_.size() && shared_.seen.insert(batch_.ids[taken])) {
      ++taken;
    }
    batch_.keep(static_cast<std::int64_t>(taken));
    auto const end = taken > 0 ? ends_[taken - 1] : 0;
    go_to(end);
    if (taken > 0) {
      shared_.on_batch(std::move(batch_));
      batch_ = {};
    }
    if (shared_.options.on_progress) {
      shared_.options.on_progress(shared_.ahead.place.offset);
    }
    if (end == length_) {
      ++shared_.ahead.slices;
      return true;
    }
    shared_.ahead.slice_end = begin_ + static_cast<std::int64_t>(length_);
    return false;
  }

private:
  void go_to(std::size_t end) {
    auto& place = shared_.ahead.place;
    place.offset = begin_ + static_cast<std::int64_t>(end);
    auto const* const text = buffer_.data();
    if (auto const* const last = static_cast<char const*>(::memrchr(text, '\n', end))) {
      place.line += std::count(text, last + 1, '\n');
      place.line_start = begin_ + (last - text) + 1;
    }
  }

  Shared& shared_;
  std::vector<char> buffer_;
  std::int64_t begin_ = 0; ///< of the slice in the file
  std::size_t length_ = 0;
  RowBatch batch_;
  std::vector<std::size_t> ends_; ///< of each row, in the slice
};

} // namespace

Ahead read_ahead(std::string const& path, Scanner::Place from, AheadOptions const& options,
                 IdSet& seen, std::function<void(RowBatch&&)> const& on_batch) {
  Shared shared{{path, from.offset}, options, seen, on_batch, {from}};
  // Each piece holds a row at least: as text, and as numbers.
  auto const fitting = memory_for_rows / std::max<std::int64_t>(1, 2 * options.row_bytes);
  auto const threads = std::clamp<std::int64_t>(fitting, 1, std::max(1, options.threads));
  auto const rooms = std::min(fitting, 2 * threads) + 2;
  make_in_order(static_cast<int>(threads), static_cast<int>(rooms),
                [&] { return std::make_unique<Maker>(shared); });
  return shared.ahead;
}

} // namespace fod::json
