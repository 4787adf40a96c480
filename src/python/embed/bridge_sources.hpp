#pragma once

#include <span>

/// Inside of libfod_python.so: the files of src/python/embed/bridge, which the library carries.
namespace fod::python {

struct BridgeSource {
  char const* name; ///< of the module, "fod_bridge.errors"
  char const* text;
};

/// All modules but the finder, which makes them importable.
std::span<BridgeSource const> bridge_sources();
extern char const* const bridge_finder;

} // namespace fod::python
