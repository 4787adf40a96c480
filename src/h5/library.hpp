#pragma once

#include "fod/h5.hpp"

#include <hdf5.h>

#include <string>

/// Inside of the h5 module: one check for HDF5's status values and owners of its identifiers.
namespace fod::h5 {

/// Innermost description on HDF5's error stack, which is then cleared.
std::string library_text();

/// @throws Error (failed) with `what` and the library's text
[[noreturn]] void throw_library_error(std::string const& what);

/// The same for what a user named: bad input (usage).
[[noreturn]] void throw_bad_input(std::string const& what, std::string const& remedy);

/// Passes a status that is not negative on. @throws Error with `what` and the library's text
template <class Status>
Status check(Status status, std::string const& what) {
  if (status < 0) {
    throw_library_error(what);
  }
  return status;
}

Handle file(hid_t id, std::string const& what);
Handle dataset(hid_t id, std::string const& what);
Handle datatype(hid_t id, std::string const& what);
Handle dataspace(hid_t id, std::string const& what);
Handle attribute(hid_t id, std::string const& what);
/// Group, dataset or named type.
Handle object(hid_t id, std::string const& what);
Handle property_list(hid_t property_class);

Shape shape_of(hid_t dataset, std::string const& what);

/// Memory and file selections of a run of rows.
struct Selection {
  Handle file;
  Handle memory;
};

Selection select(hid_t dataset, Shape const& shape, IndexRange rows, std::string const& what);

/// HDF5's type of an element in memory.
hid_t native_type(ElementType type);
/// IEEE half precision, as h5py writes numpy.float16.
hid_t half_type();
/// A string type of variable length, UTF-8.
Handle text_type();

} // namespace fod::h5
