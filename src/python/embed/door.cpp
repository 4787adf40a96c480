#include "../door.hpp"
#include "open.hpp"

#include <pybind11/pybind11.h>

namespace {

/// "3.11.2" of "3.11.2 (main, …) [GCC …]".
std::string version() {
  std::string const text = Py_GetVersion();
  return text.substr(0, text.find(' '));
}

} // namespace

// The one symbol of the library that others see; its name is `door_symbol`.
extern "C" [[gnu::visibility("default")]] fod::python::Door const* fod_python_door_2() {
  namespace embed = fod::python::embed;
  static constexpr fod::python::Door door{embed::open_model, embed::open_dataset,
                                          embed::open_transform, version};
  return &door;
}
