#pragma once

#include "fod/python.hpp"

/// Inside of the python module: what libfod_python.so gives to the program that loads it.
namespace fod::python {

/// Functions of the library, those of `fod/python.hpp` behind the loader.
struct Door {
  std::unique_ptr<Model> (*open_model)(std::string const& spec, Requirements const& requirements);
  std::unique_ptr<Dataset> (*open_dataset)(std::string const& spec,
                                           Requirements const& requirements);
  std::unique_ptr<HostTransform> (*open_transform)(std::string const& spec,
                                                   Requirements const& requirements);
  std::string (*interpreter_version)();
};

/// Name of the library's one symbol, a function that returns `Door const*`. It changes with the
/// structs that both sides share, so that a library of another version is not mistaken for ours.
constexpr char const* door_symbol = "fod_python_door_2";

} // namespace fod::python
