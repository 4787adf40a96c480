#pragma once

#include "fod/model.hpp"

namespace fod {

/// A TorchScript model, scripted or traced.
std::unique_ptr<Model> load_torchscript(ModelOptions const& options);

} // namespace fod
