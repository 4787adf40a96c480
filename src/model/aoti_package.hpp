#pragma once

#include "archive.hpp"

#include "fod/device.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Inside of the model module: what AOTInductor packs into a `.pt2`.
namespace fod {

/// A package with one compiled model. It refers to the file's bytes.
struct AotiPackage {
  std::string path; ///< for messages
  std::string library_name;
  std::vector<ArchiveRecord> files; ///< of the model's folder, names without it
  std::map<std::string, std::string> metadata;

  /// The list of names that tools/export_model.py put under that key; empty without one.
  [[nodiscard]] std::vector<std::string> names(std::string const& key) const;
};

/// @throws Error (usage) if it holds several models, no compiled code, or no weights
AotiPackage open_package(std::string const& path, std::string_view bytes);

/// @throws Error (usage) if it was compiled for another kind of device or a newer processor
void require_device(AotiPackage const& package, Device const& device);

/// The package's files in a folder of this process's own, as its loader wants them. They are gone
/// with the object.
class UnpackedPackage {
public:
  /// @throws Error (usage) if it cannot be written
  explicit UnpackedPackage(AotiPackage const& package);
  UnpackedPackage(UnpackedPackage const&) = delete;
  UnpackedPackage& operator=(UnpackedPackage const&) = delete;
  ~UnpackedPackage();

  [[nodiscard]] std::string folder() const { return folder_.string(); }
  [[nodiscard]] std::string library() const { return (folder_ / library_name_).string(); }

private:
  void write(ArchiveRecord const& file);
  void remove() const;

  std::filesystem::path folder_;
  std::vector<std::filesystem::path> written_;
  std::string library_name_;
};

} // namespace fod
