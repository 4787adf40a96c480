#include "image_listing.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

namespace fod {

namespace {

namespace fs = std::filesystem;

constexpr char const* wanted_layout = "images lie as FOLDER/class/x.jpg (or .jpeg, .png)";

bool has_image_ending(std::string_view name) {
  constexpr std::array<std::string_view, 3> endings{".jpg", ".jpeg", ".png"};
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) {
    return name.size() >= ending.size() &&
           std::equal(ending.begin(), ending.end(), name.end() - std::ssize(ending),
                      [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
  });
}

/// What lies in one folder; a link counts as what it leads to, else as a file. Sorted by name.
struct Entries {
  std::vector<std::string> folders;
  std::vector<std::string> images;
  std::int64_t others = 0;
};

Entries entries_of(std::string const& folder) {
  Entries entries;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    auto name = entry->path().filename().native();
    std::error_code nowhere; // a link that is broken, or leads to itself
    if (entry->is_directory(nowhere)) {
      entries.folders.push_back(std::move(name));
    } else if (has_image_ending(name)) {
      entries.images.push_back(std::move(name));
    } else {
      ++entries.others;
    }
  }
  if (error) {
    throw bad_input("cannot list the folder " + shown(folder), error.message(),
                    "check its permissions");
  }
  std::sort(entries.folders.begin(), entries.folders.end());
  std::sort(entries.images.begin(), entries.images.end());
  return entries;
}

/// What tells a folder from all others, whatever its path.
std::pair<dev_t, ino_t> identity_of(std::string const& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    throw bad_input("cannot open the folder " + shown(folder), errno_text());
  }
  return {status.st_dev, status.st_ino};
}

/// All folders of a class, with what lies in them.
class Walk {
public:
  using Found = std::vector<std::pair<std::string, Entries>>;

  Walk(std::string const& folder, std::string const& name) : above_{identity_of(folder)} {
    enter(folder + "/" + name);
  }

  /// By path.
  Found take() {
    std::sort(found_.begin(), found_.end(),
              [](auto const& a, auto const& b) { return a.first < b.first; });
    return std::move(found_);
  }

private:
  void enter(std::string const& folder) {
    auto const identity = identity_of(folder);
    if (std::find(above_.begin(), above_.end(), identity) != above_.end()) {
      throw bad_input("the folder " + shown(folder) + " holds itself",
                      "it is a link to a folder above", "remove that link");
    }
    above_.push_back(identity);
    auto entries = entries_of(folder);
    for (auto const& name : entries.folders) {
      enter(folder + "/" + name);
    }
    entries.folders.clear();
    found_.emplace_back(folder, std::move(entries));
    above_.pop_back();
  }

  std::vector<std::pair<dev_t, ino_t>> above_; ///< folders that the present one lies in
  Found found_;
};

/// The first few of many, "a, b, …".
std::string some_of(std::vector<std::string> const& names) {
  constexpr std::size_t most = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) {
    text += (i > 0 ? ", " : "") + shown(names[i]);
  }
  return text + (names.size() > most ? ", …" : "");
}

} // namespace

ImageListing::ImageListing(std::string const& folder) : folder_(folder) {
  while (folder_.size() > 1 && folder_.ends_with('/')) {
    folder_.pop_back();
  }
  auto const top = entries_of(folder);
  ignored_ = top.others + std::ssize(top.images);
  if (top.folders.empty()) {
    throw bad_input(
        shown(folder) + " is a folder without class folders",
        top.images.empty() ? "it holds " + counted(ignored_, "file")
                           : counted(std::ssize(top.images), "image") + " in it, of unknown class",
        std::string("a folder is read as images, one folder per class: ") + wanted_layout);
  }
  for (auto const& name : top.folders) {
    add_class(name);
  }
  std::vector<std::string> empty;
  for (std::size_t c = 0; c < class_names_.size(); ++c) {
    if (class_begins_[c] == class_begins_[c + 1]) {
      empty.push_back(class_names_[c]);
    }
  }
  if (!empty.empty()) {
    throw bad_input(shown(folder) + " is a folder without images" +
                        (size() == 0 ? "" : " of " + counted(std::ssize(empty), "class")),
                    "no image lies in " + some_of(empty),
                    std::string(wanted_layout) +
                        "; remove folders without images, each would count as a class");
  }
}

void ImageListing::add_class(std::string const& name) {
  for (auto& [folder, entries] : Walk(folder_, name).take()) {
    ignored_ += entries.others;
    if (!entries.images.empty()) {
      runs_.push_back({folder, size()});
      std::move(entries.images.begin(), entries.images.end(), std::back_inserter(names_));
    }
  }
  class_names_.push_back(name);
  class_begins_.push_back(size());
}

std::string ImageListing::path(std::int64_t sample) const {
  auto const next =
      std::upper_bound(runs_.begin(), runs_.end(), sample,
                       [](std::int64_t wanted, Run const& run) { return wanted < run.begin; });
  return std::prev(next)->folder + "/" + names_[static_cast<std::size_t>(sample)];
}

std::string shown(std::string const& path) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (char const c : path) {
    auto const code = static_cast<unsigned char>(c);
    if (c == '\n') {
      text += "\\n";
    } else if (code < 0x20 || code == 0x7f) {
      text += std::string("\\x") + digits[code / 16] + digits[code % 16];
    } else {
      text += c;
    }
  }
  return text;
}

} // namespace fod
