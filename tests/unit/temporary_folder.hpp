#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

/// A folder of a test's own, removed with all that is in it.
class TemporaryFolder {
public:
  TemporaryFolder() {
    auto pattern = (std::filesystem::temp_directory_path() / "fod-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  TemporaryFolder(TemporaryFolder const&) = delete;
  TemporaryFolder& operator=(TemporaryFolder const&) = delete;
  ~TemporaryFolder() { remove(path_); }

  [[nodiscard]] std::string path() const { return path_.string(); }
  /// Path of an entry.
  std::string operator/(std::string const& name) const { return (path_ / name).string(); }

private:
  /// LibTorch brings a std::filesystem::remove_all of its own, which jumps to nowhere.
  static void remove(std::filesystem::path const& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(std::filesystem::symlink_status(path, ignored))) {
      for (auto const& entry : std::filesystem::directory_iterator(path, ignored)) {
        remove(entry.path());
      }
    }
    std::filesystem::remove(path, ignored);
  }

  std::filesystem::path path_;
};
