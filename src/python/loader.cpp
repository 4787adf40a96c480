#include "door.hpp"

#include "fod/error.hpp"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <system_error>

namespace fod::python {

namespace {

namespace fs = std::filesystem;
constexpr char const* library_name = "libfod_python.so";

/// Where the library may be, in order: where the user says, beside the program, in ../lib.
std::vector<fs::path> places() {
  if (auto const* named = std::getenv("FOD_PYTHON_LIBRARY"); named != nullptr && *named != '\0') {
    return {named};
  }
  std::error_code ignored;
  auto const folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  return {folder / library_name, folder / ".." / "lib" / library_name};
}

Error no_library(std::string const& spec, std::string const& why) {
  return bad_input("cannot open " + spec, why,
                   "build with Python's headers and library there (Debian: python3-dev), or set "
                   "FOD_PYTHON_LIBRARY to the path of " +
                       std::string(library_name));
}

/// Symbols become global: Python's extension modules expect those of libpython to be.
Door const& load(fs::path const& path, std::string const& spec) {
  auto* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    throw no_library(spec, dlerror());
  }
  auto* symbol = dlsym(library, door_symbol);
  if (symbol == nullptr) {
    throw no_library(spec, path.string() + " is of another version of fod, or no part of it");
  }
  return *reinterpret_cast<Door const* (*)()>(symbol)();
}

Door const*& loaded() {
  static Door const* door = nullptr;
  return door;
}

Door const& door(std::string const& spec) {
  if (loaded() == nullptr) {
    std::string searched;
    for (auto const& path : places()) {
      std::error_code ignored;
      if (fs::exists(path, ignored)) {
        loaded() = &load(path, spec);
        return *loaded();
      }
      searched += (searched.empty() ? "" : " nor ") + path.lexically_normal().string();
    }
    throw no_library(spec, "embedded Python is missing, there is no " + searched);
  }
  return *loaded();
}

} // namespace

bool is_python(std::string_view spec) {
  return spec.starts_with("python:");
}

std::unique_ptr<Model> open_model(std::string const& spec, Requirements const& requirements) {
  return door(spec).open_model(spec, requirements);
}

std::unique_ptr<Dataset> open_dataset(std::string const& spec, Requirements const& requirements) {
  return door(spec).open_dataset(spec, requirements);
}

std::unique_ptr<HostTransform> open_transform(std::string const& spec,
                                              Requirements const& requirements) {
  return door(spec).open_transform(spec, requirements);
}

std::string interpreter_version() {
  return loaded() == nullptr ? std::string() : loaded()->interpreter_version();
}

} // namespace fod::python
