#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// An output that is there whole or not at all.
namespace fod::json {

/// A text file that gets its name at the end, or standard output. Write errors, a full disk and a
/// closed pipe among them, are never lost.
class Output {
public:
  /// @param path "-" is standard output
  /// @throws Error (usage) if the output exists and `overwrite` is not set, or cannot be made
  Output(std::string path, bool overwrite);
  Output(Output const&) = delete;
  Output& operator=(Output const&) = delete;
  /// Removes what is not committed.
  ~Output();

  void write(std::string_view text);
  /// Brings what was written to the disk.
  void sync();
  /// Gives it its name. Bytes written in all.
  std::int64_t commit();

private:
  void open_temporary();
  [[noreturn]] void fail() const;

  std::string path_;
  std::string temporary_; ///< empty for standard output, and once renamed
  int fd_ = -1;
  std::int64_t bytes_ = 0;
};

} // namespace fod::json
