#pragma once

#include "fod/python.hpp"

#include <pybind11/pybind11.h>

#include <string>

/// Inside of libfod_python.so: the interpreter, and calls into it.
namespace fod::python {

namespace py = pybind11;

/// Starts the interpreter at the first call; later ones only check what more they need.
/// @throws Error (usage) if it is of another version than libpython, or has not the torch needed
/// @param needs_torch whether torch will be imported for sure
void start(Requirements const& requirements, bool needs_torch);

/// A module of the bridge (src/python/embed/bridge), imported. The GIL is held.
py::module_ bridge(char const* name);

/// The error that Python raised, as ours: a refusal of the bridge keeps its parts.
[[noreturn]] void rethrow(py::error_already_set const& error);

/// Runs `action` with the GIL, and Python's exceptions as ours.
template <class Action>
auto with_python(Action const& action) {
  py::gil_scoped_acquire const gil;
  try {
    return action();
  } catch (py::error_already_set const& error) {
    rethrow(error);
  }
}

/// A Python object that may be dropped where the GIL is not held.
class Object {
public:
  explicit Object(py::object object) : object_(std::move(object)) {}
  Object(Object const&) = delete;
  Object& operator=(Object const&) = delete;
  ~Object() {
    py::gil_scoped_acquire const gil;
    object_ = py::object();
  }
  [[nodiscard]] py::object const& get() const { return object_; }

private:
  py::object object_;
};

} // namespace fod::python
