#include "undo.hpp"

#include "disk.hpp"

#include "fod/checksum.hpp"
#include "fod/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fod::store {

namespace {

constexpr std::array<char, 8> magic{'f', 'o', 'd', 'u', 'n', 'd', 'o', '1'};
constexpr std::int64_t piece_bytes = std::int64_t{4} << 20;

struct Head {
  std::array<char, 8> magic{};
  std::int64_t bytes = 0;  ///< of the file
  std::int64_t pieces = 0; ///< ranges that follow, then their bytes, then a checksum of it all
};

std::int64_t size_of(Descriptor const& file, std::string const& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    throw run_failure("cannot look at " + path, errno_text());
  }
  return status.st_size;
}

/// What lies between the spared ranges.
ByteRanges complement(ByteRanges const& spared, std::int64_t bytes) {
  ByteRanges rest;
  std::int64_t begin = 0;
  for (auto const& range : spared) {
    if (range.begin > begin) {
      rest.push_back({begin, std::min(range.begin, bytes)});
    }
    begin = std::max(begin, range.end);
  }
  if (begin < bytes) {
    rest.push_back({begin, bytes});
  }
  return rest;
}

/// Writes one after the other, and a checksum of all at the end.
class Appender {
public:
  explicit Appender(Descriptor const& file) : file_(file) {}
  void put(void const* data, std::size_t bytes) {
    checksum_.update(data, bytes);
    write_all(file_, data, bytes, at_);
    at_ += static_cast<std::int64_t>(bytes);
  }
  void end() {
    auto const digest = checksum_.digest();
    write_all(file_, &digest, sizeof digest, at_);
  }

private:
  Descriptor const& file_;
  Checksum checksum_;
  std::int64_t at_ = 0;
};

/// Whether ranges lie one after another within a file of so many bytes.
bool are_parts(ByteRanges const& ranges, std::int64_t bytes) {
  std::int64_t end = 0;
  for (auto const& range : ranges) {
    if (range.begin < end || range.end < range.begin) {
      return false;
    }
    end = range.end;
  }
  constexpr auto most = std::int64_t{1} << 62; // sums of places must not overflow
  return end <= bytes && bytes <= most;
}

/// Calls `take(offset in the copied file, data, bytes)` for each piece of the copy.
/// @return false if the copy is not whole; nothing may have been done with it until a second call
template <class Take>
bool read_copy(Descriptor const& copy, std::int64_t copy_bytes, Head& head, Take const& take) {
  Checksum checksum;
  std::int64_t at = 0;
  auto const get = [&](void* data, std::int64_t bytes) {
    if (bytes > copy_bytes - at) {
      return false;
    }
    read_all(copy, data, static_cast<std::size_t>(bytes), at);
    checksum.update(data, static_cast<std::size_t>(bytes));
    at += bytes;
    return true;
  };
  if (!get(&head, sizeof head) || head.magic != magic || head.pieces < 0 ||
      head.pieces > copy_bytes / static_cast<std::int64_t>(sizeof(IndexRange))) {
    return false;
  }
  ByteRanges pieces(static_cast<std::size_t>(head.pieces));
  if (!get(pieces.data(), head.pieces * static_cast<std::int64_t>(sizeof(IndexRange)))) {
    return false;
  }
  if (!are_parts(pieces, head.bytes)) {
    return false;
  }
  std::vector<std::byte> buffer(piece_bytes);
  for (auto const& piece : pieces) {
    for (auto begin = piece.begin; begin < piece.end; begin += piece_bytes) {
      auto const bytes = std::min(piece_bytes, piece.end - begin);
      if (!get(buffer.data(), bytes)) {
        return false;
      }
      take(begin, buffer.data(), bytes);
    }
  }
  auto const digest = checksum.digest();
  std::uint64_t recorded = 0;
  return copy_bytes - at == static_cast<std::int64_t>(sizeof recorded) &&
         get(&recorded, sizeof recorded) && recorded == digest;
}

} // namespace

std::string undo_path(std::string const& path) {
  return state_path(path) + "/undo";
}

ByteRanges row_bytes(std::string const& path) {
  ResultReader const reader(path);
  ByteRanges all;
  auto const add = [&](h5::Dataset const& dataset, std::int64_t bytes) {
    if (auto const offset = dataset.file_offset(); offset >= 0 && bytes > 0) {
      all.push_back({offset, offset + bytes});
    }
  };
  for (auto const& ledger : reader.ledgers()) {
    for (auto const& section : ledger.sections) {
      add(reader.file().dataset(section.path), section.row_bytes() * reader.rows());
    }
    for (auto const& path_in_file : arrays_of(ledger)) {
      auto const dataset = reader.file().dataset(path_in_file);
      add(dataset,
          element_count(dataset.shape()) * static_cast<std::int64_t>(fod::size_of(dataset.type())));
    }
  }
  std::sort(all.begin(), all.end(), [](IndexRange a, IndexRange b) { return a.begin < b.begin; });
  return all;
}

void save_undo(std::string const& path, ByteRanges const& spared, std::string const& undo) {
  auto const fresh = fresh_path(undo);
  {
    Descriptor const from(path, O_RDONLY);
    Descriptor const to(fresh, O_RDWR | O_CREAT | O_TRUNC, 0666);
    auto const bytes = size_of(from, path);
    auto const pieces = complement(spared, bytes);
    Appender out(to);
    Head const head{magic, bytes, std::ssize(pieces)};
    out.put(&head, sizeof head);
    out.put(pieces.data(), pieces.size() * sizeof(IndexRange));
    std::vector<std::byte> buffer(piece_bytes);
    for (auto const& piece : pieces) {
      for (auto begin = piece.begin; begin < piece.end; begin += piece_bytes) {
        auto const count = static_cast<std::size_t>(std::min(piece_bytes, piece.end - begin));
        read_all(from, buffer.data(), count, begin);
        out.put(buffer.data(), count);
      }
    }
    out.end();
  }
  publish(fresh, undo);
}

bool restore_undo(std::string const& path, std::string const& undo) {
  if (::access(undo.c_str(), F_OK) != 0) {
    return false;
  }
  Head head;
  bool whole = false;
  {
    Descriptor const copy(undo, O_RDONLY);
    auto const bytes = size_of(copy, undo);
    whole = read_copy(copy, bytes, head, [](auto...) {});
    if (whole) {
      Descriptor const file(path, O_RDWR);
      read_copy(copy, bytes, head,
                [&](std::int64_t offset, std::byte const* data, std::int64_t count) {
                  write_all(file, data, static_cast<std::size_t>(count), offset);
                });
      if (::ftruncate(file.get(), head.bytes) != 0) {
        throw run_failure("cannot mend " + path, errno_text());
      }
      file.sync();
    }
  }
  ::unlink(undo.c_str());
  return whole;
}

} // namespace fod::store
