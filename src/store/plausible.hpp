#pragma once

#include "fod/error.hpp"
#include "fod/h5.hpp"

/// Inside of the store module: objects that a damaged file may claim anything of.
namespace fod::store {

/// @throws Error (usage) that names the object, unless it is right
inline void require_sane(h5::File const& file, std::string const& object, bool right) {
  if (!right) {
    throw bad_input(file.path() + ":" + object + " is damaged", "its parts contradict each other",
                    "make the file again, or restore it from a backup");
  }
}

/// All of a dataset, which has no more elements than the file has bytes.
/// @param object that is blamed
template <class T>
std::vector<T> read_all(h5::File const& file, std::string const& object, std::string const& path,
                        ElementType type) {
  auto const dataset = file.dataset(path);
  require_sane(file, object,
               !dataset.shape().empty() && element_count(dataset.shape()) <= file.bytes());
  std::vector<T> values(static_cast<std::size_t>(element_count(dataset.shape())));
  if (!values.empty()) {
    dataset.read({0, dataset.shape()[0]}, type, values.data());
  }
  return values;
}

} // namespace fod::store
