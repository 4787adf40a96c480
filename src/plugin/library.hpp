#pragma once

#include <array>
#include <memory>
#include <string>

/// Inside of the plugin module: a shared library of the user's.
namespace fod::plugin {

/// A value of --model or --transform: "plugin:libx.so?options".
struct Spec {
  std::string path;    ///< with a slash, so that it is not searched for
  std::string options; ///< what follows the first '?'
};

Spec parse_spec(std::string const& spec);

/// A loaded library that speaks this version of the interface; it is unloaded with the object.
class Library {
public:
  /// @throws Error (usage) if there is none, or of another version
  explicit Library(std::string path);
  Library(Library const&) = delete;
  Library& operator=(Library const&) = delete;
  ~Library();

  [[nodiscard]] std::string const& path() const { return path_; }

  /// The function of that name. @throws Error (usage) naming it if it is missing
  template <class Function>
  [[nodiscard]] Function* function(char const* name) const {
    return reinterpret_cast<Function*>(symbol(name));
  }

private:
  [[nodiscard]] void* symbol(char const* name) const;
  void require_version() const;

  std::string path_;
  std::unique_ptr<void, void (*)(void*)> handle_;
};

/// Room for a plugin's own words on what went wrong.
class ErrorText {
public:
  [[nodiscard]] char* data() { return text_.data(); }
  [[nodiscard]] std::size_t size() const { return text_.size(); }
  /// In one line; "it gave no reason" if nothing was written.
  [[nodiscard]] std::string text() const;

private:
  std::array<char, 4096> text_{};
};

} // namespace fod::plugin
