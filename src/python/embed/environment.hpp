#pragma once

#include "fod/python.hpp"

#include <string>

/// Inside of libfod_python.so: which interpreter, and what libraries read from the environment.
namespace fod::python {

/// Path of the interpreter whose packages are used: FOD_PYTHON_EXECUTABLE, else the activated
/// environment's, else the one that this library was built with.
/// @throws Error (usage) if it is missing or of another version than the linked libpython
std::string find_interpreter();

/// Sets what JAX, TensorFlow and the thread pools read when they are imported. What the user set
/// stays, but for the platform of `--device tpu`.
void set_environment(Requirements const& requirements);

} // namespace fod::python
