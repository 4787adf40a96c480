#pragma once

#include "layer_moments.hpp"

/// Inside of the pipeline: counts that go with saved moments.
namespace fod {

void write_left_out(h5::File& file, LeftOut const& left_out);
/// @throws Error (usage) if they are damaged
LeftOut read_left_out(h5::File const& file, std::size_t layers);

} // namespace fod
