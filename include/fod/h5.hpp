#pragma once

#include "fod/records.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

/// Owning handles over HDF5. Every failure is an `Error` that carries the library's own text.
/// HDF5 is not thread-safe in every build: one thread of a process uses it at a time, which the
/// functions here see to.
namespace fod::h5 {

/// Parallel file systems cut files into stripes, of 1 MiB or a multiple: the arrays of files that
/// we write begin with one if they are as large.
inline constexpr std::int64_t stripe_bytes = std::int64_t{1} << 20;

/// While it lives, this thread alone uses HDF5. May be taken again by the thread that has it.
class Lock {
public:
  Lock();
  ~Lock();
  Lock(Lock const&) = delete;
  Lock& operator=(Lock const&) = delete;
};

/// HDF5's identifier type, so that no header of ours needs hdf5.h.
using Id = std::int64_t;

/// Move-only owner of an HDF5 identifier.
class Handle {
public:
  using Closer = int (*)(Id);

  Handle() = default;
  /// @param explicit_close only `close()` closes: for what all ranks must close together, which
  ///        unwinding on one of them must not start
  Handle(Id id, Closer closer, bool explicit_close = false)
      : id_(id), close_(closer), explicit_close_(explicit_close) {}
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;
  Handle(Handle const&) = delete;
  Handle& operator=(Handle const&) = delete;
  ~Handle();

  [[nodiscard]] Id id() const { return id_; }
  [[nodiscard]] explicit operator bool() const { return id_ >= 0; }
  /// Closes now. @throws Error if the library reports a failure
  void close();

private:
  Id id_ = -1;
  Closer close_ = nullptr;
  bool explicit_close_ = false;
};

/// Value of an attribute.
using Attribute = std::variant<std::int64_t, double, std::string>;

/// An open dataset of numbers.
class Dataset {
public:
  Dataset() = default;
  Dataset(Handle handle, std::string path);

  [[nodiscard]] Shape const& shape() const { return shape_; }
  [[nodiscard]] ElementType type() const { return type_; }
  [[nodiscard]] std::string const& path() const { return path_; }

  /// Reads rows [rows.begin, rows.end) of the first dimension, all of the others, converted to
  /// `type` in memory. `out` has room for them. A scalar is read as one row.
  void read(IndexRange rows, ElementType type, void* out) const;
  /// Writes rows, independently of other ranks.
  void write(IndexRange rows, ElementType type, void const* data);
  /// False if the bytes that are stored cannot unpack to so many rows: a file may claim any shape,
  /// so this is asked before memory is taken. (A small room is always granted: rows that nobody has
  /// written are filled.)
  [[nodiscard]] bool can_hold(std::int64_t rows) const;
  /// First byte of contiguous storage in the file; negative if it has none.
  [[nodiscard]] std::int64_t file_offset() const;

private:
  Handle handle_;
  std::string path_;
  Shape shape_;
  ElementType type_ = ElementType::float32;
};

/// An open dataset of strings.
class TextDataset {
public:
  TextDataset(Handle handle, std::string path);

  [[nodiscard]] Shape const& shape() const { return shape_; }
  [[nodiscard]] std::string const& path() const { return path_; }
  /// The strings of rows of the first dimension, all of the others.
  [[nodiscard]] std::vector<std::string> read(IndexRange rows) const;

private:
  Handle handle_;
  std::string path_;
  Shape shape_;
};

/// An open HDF5 file.
class File {
public:
  /// @throws Error (usage) if it is missing, unreadable or no HDF5 file
  static File open(std::string const& path);
  static File open_for_writing(std::string const& path);
  /// Creates or truncates.
  static File create(std::string const& path);
  /// Takes over a file identifier that was opened elsewhere (by MPI-IO, say).
  File(Handle handle, std::string path);

  [[nodiscard]] Id id() const { return handle_.id(); }
  [[nodiscard]] std::string const& path() const { return path_; }
  [[nodiscard]] bool contains(std::string const& object) const;
  /// Size of the file on the disk, 0 if that cannot be told.
  [[nodiscard]] std::int64_t bytes() const;
  /// Names of the members of a group, sorted.
  [[nodiscard]] std::vector<std::string> members(std::string const& group) const;

  /// @throws Error (usage) if it is missing, no dataset of numbers, or has its bytes in other files
  ///         (external storage, virtual datasets, links into other files)
  [[nodiscard]] Dataset dataset(std::string const& path) const;
  /// Contiguous storage allocated at once and not filled; groups on the way are created.
  Dataset create_dataset(std::string const& path, ElementType type, Shape const& shape);
  void create_group(std::string const& path);
  void remove(std::string const& path);

  /// True if a dataset of strings is there.
  [[nodiscard]] bool is_text(std::string const& path) const;
  [[nodiscard]] TextDataset text_dataset(std::string const& path) const;
  [[nodiscard]] std::string read_text(std::string const& path) const;
  void write_text(std::string const& path, std::string const& text);
  [[nodiscard]] std::vector<std::string> read_texts(std::string const& path) const;
  void write_texts(std::string const& path, std::vector<std::string> const& texts);

  [[nodiscard]] bool has_attribute(std::string const& object, std::string const& name) const;
  [[nodiscard]] Attribute attribute(std::string const& object, std::string const& name) const;
  [[nodiscard]] std::vector<std::string> attribute_names(std::string const& path) const;
  /// Creates or replaces.
  void set_attribute(std::string const& object, std::string const& name, Attribute const& value);

  void flush();
  /// Closes now. Collective for a file opened by all ranks.
  void close();

private:
  Handle handle_;
  std::string path_;
};

} // namespace fod::h5
