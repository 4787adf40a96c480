#include "library.hpp"

#include "fod/error.hpp"
#include "fod/plugin.hpp"
#include "fod/plugin_abi.h"

#include <algorithm>
#include <dlfcn.h>
#include <filesystem>

namespace fod::plugin {

namespace {

constexpr std::string_view prefix = "plugin:";

std::string loader_text() {
  auto const* text = dlerror();
  return text != nullptr ? text : "no reason was given";
}

void close(void* handle) {
  dlclose(handle);
}

} // namespace

bool is_plugin(std::string_view spec) {
  return spec.starts_with(prefix);
}

Spec parse_spec(std::string const& spec) {
  auto const rest = spec.substr(prefix.size());
  auto const question = std::min(rest.find('?'), rest.size());
  auto path = rest.substr(0, question);
  if (path.empty()) {
    throw bad_input("'" + spec + "' names no plugin", "there is no path in it",
                    "write plugin:libx.so or plugin:libx.so?options");
  }
  if (path.find('/') == std::string::npos) {
    path.insert(0, "./");
  }
  return {path, rest.substr(std::min(question + 1, rest.size()))};
}

std::string library_path(std::string const& spec) {
  return parse_spec(spec).path;
}

Library::Library(std::string path) : path_(std::move(path)), handle_(nullptr, close) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path_, error)) {
    throw bad_input("cannot load the plugin " + path_, error ? error.message() : "it is no file",
                    "name the shared library: plugin:path/libx.so");
  }
  handle_.reset(dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!handle_) {
    throw bad_input("cannot load the plugin " + path_, loader_text(),
                    "build it as a shared library for this machine, with all that it needs");
  }
  require_version();
}

Library::~Library() = default;

void Library::require_version() const {
  auto const version = function<decltype(fod_plugin_abi_version)>("fod_plugin_abi_version")();
  if (version != FOD_PLUGIN_ABI_VERSION) {
    throw bad_input("the plugin " + path_ + " has version " + std::to_string(version) +
                        " of the interface",
                    "this program has version " + std::to_string(FOD_PLUGIN_ABI_VERSION),
                    "compile it with this program's fod/plugin_abi.h");
  }
}

void* Library::symbol(char const* name) const {
  auto* const found = dlsym(handle_.get(), name);
  if (found == nullptr) {
    throw bad_input("the plugin " + path_ + " has no function " + name,
                    "fod/plugin_abi.h says what models and transforms export",
                    "define it with C names (extern \"C\") and visible");
  }
  return found;
}

std::string ErrorText::text() const {
  // The plugin may have filled it to the last byte.
  std::string text(text_.begin(), std::find(text_.begin(), text_.end(), '\0'));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.empty() ? "it gave no reason" : text;
}

} // namespace fod::plugin
