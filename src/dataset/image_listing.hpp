#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Inside of the dataset module: which images a folder holds, and of which class.
namespace fod {

/// The images of `FOLDER/class/…/x.jpg|jpeg|png` (in any case), in the order and with the classes
/// of torchvision's ImageFolder: class folders by name, in each the folders by path, in each the
/// files by name, all by code unit. Links are followed; one that leads nowhere is an image that
/// cannot be read. Every rank lists for itself and finds the same.
class ImageListing {
public:
  /// @throws Error (usage) if there is no class folder, or one without an image
  explicit ImageListing(std::string const& folder);

  [[nodiscard]] std::string const& folder() const { return folder_; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(names_.size()); }
  [[nodiscard]] std::string path(std::int64_t sample) const;
  [[nodiscard]] std::vector<std::string> const& class_names() const { return class_names_; }
  /// First sample of each class, and the number of all samples.
  [[nodiscard]] std::vector<std::int64_t> const& class_begins() const { return class_begins_; }
  /// Files that are no images by their names, or lie in no class folder.
  [[nodiscard]] std::int64_t ignored() const { return ignored_; }

private:
  /// A folder with images, of which `begin` is the first.
  struct Run {
    std::string folder;
    std::int64_t begin;
  };

  void add_class(std::string const& name);

  std::string folder_;
  std::vector<std::string> class_names_;
  std::vector<std::int64_t> class_begins_{0};
  std::vector<Run> runs_;
  std::vector<std::string> names_; ///< of the files, without their folders
  std::int64_t ignored_ = 0;
};

/// `path` in one line: control characters are written as \n or \x1b.
std::string shown(std::string const& path);

} // namespace fod
