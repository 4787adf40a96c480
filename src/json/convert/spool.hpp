#pragma once

#include "row_batch.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// Inside of the json module: rows that wait until it is known how many there are.
namespace fod::json {

/// Keeps batches in memory as long as they are few, further ones in a file without a name, which is
/// gone when the program is.
class Spool {
public:
  /// @param beside an output: the file is put on its file system
  explicit Spool(std::string beside) : beside_(std::move(beside)) {}
  Spool(Spool const&) = delete;
  Spool& operator=(Spool const&) = delete;
  ~Spool();

  /// @throws Error (failed) if the disk is full
  void put(RowBatch batch);
  /// Shows all batches in their order. Those in memory are given away.
  void drain(std::function<void(RowBatch&)> const& take);

private:
  struct Place {
    std::int64_t offset = 0;
    std::int64_t rows = 0;
    std::int64_t classes = 0;
    bool narrow = true;
  };
  void open();
  void write(void const* data, std::size_t bytes);
  void read(void* data, std::size_t bytes, std::int64_t& offset) const;
  template <class Value>
  void write_all(std::vector<Value> const& column);
  template <class Value>
  void read_all(std::vector<Value>& column, std::int64_t count, std::int64_t& offset) const;
  [[noreturn]] void fail() const;

  std::string beside_;
  std::vector<RowBatch> in_memory_;
  std::size_t memory_ = 0;
  std::vector<Place> in_file_;
  int fd_ = -1;
  std::int64_t end_ = 0;
};

} // namespace fod::json
