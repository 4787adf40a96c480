#pragma once

#include "fod/python.hpp"

/// Inside of libfod_python.so: what stands behind the functions of `fod/python.hpp`.
namespace fod::python::embed {

std::unique_ptr<Model> open_model(std::string const& spec, Requirements const& requirements);
std::unique_ptr<Dataset> open_dataset(std::string const& spec, Requirements const& requirements);
std::unique_ptr<HostTransform> open_transform(std::string const& spec,
                                              Requirements const& requirements);

} // namespace fod::python::embed
