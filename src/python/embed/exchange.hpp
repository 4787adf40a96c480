#pragma once

#include "interpreter.hpp"

/// Inside of libfod_python.so: arrays to and from Python by DLPack's capsules, without a copy.
namespace fod::python {

/// A capsule that keeps the array's owner alive until Python has dropped what it made of it.
py::capsule to_capsule(Array array);

/// Takes over what a capsule holds. @throws Error (usage) for element types that are not ours
Array from_capsule(py::capsule const& capsule);

} // namespace fod::python
