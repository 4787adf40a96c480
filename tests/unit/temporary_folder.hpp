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
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  /// Path of an entry.
  std::string operator/(std::string const& name) const { return (path_ / name).string(); }

private:
  std::filesystem::path path_;
};
