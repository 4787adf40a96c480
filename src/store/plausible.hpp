#pragma once

#include "fod/h5.hpp"

/// Inside of the store module: what a damaged file may claim.
namespace fod::store {

/// True if a dataset has rows, and no more elements than the file has bytes.
inline bool is_plausible(h5::File const& file, h5::Dataset const& dataset) {
  return !dataset.shape().empty() && dataset.stored_inside() &&
         element_count(dataset.shape()) <= file.bytes();
}

} // namespace fod::store
