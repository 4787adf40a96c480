#include "library.hpp"
#include "trust.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace fod::h5 {

namespace {

ElementType type_of(hid_t dataset, std::string const& what) {
  Handle const stored = datatype(H5Dget_type(dataset), what);
  auto const size = H5Tget_size(stored.id());
  auto const type_class = H5Tget_class(stored.id());
  if (type_class == H5T_FLOAT && size == 2) {
    return ElementType::float16;
  }
  if (type_class == H5T_FLOAT && (size == 4 || size == 8)) {
    return size == 4 ? ElementType::float32 : ElementType::float64;
  }
  if (type_class == H5T_ENUM && size == 1) {
    return ElementType::boolean; // h5py's form of numpy.bool_
  }
  if (type_class == H5T_INTEGER) {
    bool const is_signed = H5Tget_sign(stored.id()) == H5T_SGN_2;
    constexpr std::array signed_types{ElementType::int8, ElementType::int16, ElementType::int32,
                                      ElementType::int64};
    constexpr std::array unsigned_types{ElementType::uint8, ElementType::uint16,
                                        ElementType::uint32, ElementType::uint64};
    for (auto const type : is_signed ? signed_types : unsigned_types) {
      if (size_of(type) == size) {
        return type;
      }
    }
  }
  throw bad_input("cannot read " + what, "its elements are no numbers of a known kind",
                  "store it as float16/32/64, an integer type or bool");
}

} // namespace

Shape shape_of(hid_t dataset, std::string const& what) {
  Handle const space = dataspace(H5Dget_space(dataset), what);
  auto const rank = check(H5Sget_simple_extent_ndims(space.id()), what);
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr), what);
  return {extents.begin(), extents.end()};
}

Selection select(hid_t dataset, Shape const& shape, IndexRange rows, std::string const& what) {
  Handle file = dataspace(H5Dget_space(dataset), what);
  if (shape.empty()) {
    return {std::move(file), dataspace(H5Screate(H5S_SCALAR), what)};
  }
  std::vector<hsize_t> start(shape.size(), 0);
  std::vector<hsize_t> count(shape.begin(), shape.end());
  start[0] = static_cast<hsize_t>(rows.begin);
  count[0] = static_cast<hsize_t>(rows.size());
  check(
      H5Sselect_hyperslab(file.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
      what);
  return {std::move(file),
          dataspace(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), what)};
}

Dataset::Dataset(Handle handle, std::string path)
    : handle_(std::move(handle)), path_(std::move(path)), shape_(shape_of(handle_.id(), path_)),
      type_(type_of(handle_.id(), path_)) {}

void Dataset::read(IndexRange rows, ElementType type, void* out) const {
  Lock const only;
  if (rows.empty()) {
    return;
  }
  auto const what = "cannot read rows " + std::to_string(rows.begin) + " to " +
                    std::to_string(rows.end) + " of " + path_;
  auto const selection = select(handle_.id(), shape_, rows, what);
  // A bool is an enum in the file and would not convert to an integer: its own type is used.
  Handle stored;
  hid_t memory_type = 0;
  if (type_ == ElementType::boolean) {
    stored = datatype(H5Dget_type(handle_.id()), what);
    memory_type = stored.id();
  } else {
    memory_type = native_type(type);
  }
  check(H5Dread(handle_.id(), memory_type, selection.memory.id(), selection.file.id(), H5P_DEFAULT,
                out),
        what);
}

void Dataset::write(IndexRange rows, ElementType type, void const* data) {
  Lock const only;
  if (rows.empty()) {
    return;
  }
  auto const what = "cannot write rows " + std::to_string(rows.begin) + " to " +
                    std::to_string(rows.end) + " of " + path_;
  auto const selection = select(handle_.id(), shape_, rows, what);
  errno = 0;
  auto const status = H5Dwrite(handle_.id(), native_type(type), selection.memory.id(),
                               selection.file.id(), H5P_DEFAULT, data);
  if (status < 0) { // of MPI-IO the library keeps no reason, but errno still has it
    auto const system = errno == 0 ? std::string() : errno_text();
    auto const words = library_text();
    throw run_failure(what, words.find(system) == std::string::npos ? words + ", " + system : words,
                      "see that the disk is healthy and has room, then start the job again with "
                      "--resume");
  }
}

bool Dataset::can_hold(std::int64_t rows) const {
  Lock const only;
  auto bytes = static_cast<double>(size_of(type_)) * static_cast<double>(rows);
  for (std::size_t i = 1; i < shape_.size(); ++i) {
    bytes *= static_cast<double>(shape_[i]);
  }
  return bytes <= most_bytes(handle_.id());
}

std::int64_t Dataset::file_offset() const {
  Lock const only;
  auto const address = H5Dget_offset(handle_.id());
  return address == HADDR_UNDEF ? -1 : static_cast<std::int64_t>(address);
}

Dataset File::dataset(std::string const& path) const {
  Lock const only;
  auto const name = path_ + ":" + path;
  if (!contains(path)) {
    throw bad_input(name + " does not exist", "the file has no such object",
                    "`h5ls -r " + path_ + "` lists what is inside");
  }
  return {open_own_dataset(*this, path, name), name};
}

Dataset File::create_dataset(std::string const& path, ElementType type, Shape const& shape) {
  Lock const only;
  auto const name = path_ + ":" + path;
  std::vector<hsize_t> const extents(shape.begin(), shape.end());
  Handle const space =
      dataspace(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), name);
  Handle const links = property_list(H5P_LINK_CREATE);
  check(H5Pset_create_intermediate_group(links.id(), 1), name);
  Handle const creation = property_list(H5P_DATASET_CREATE);
  check(H5Pset_layout(creation.id(), H5D_CONTIGUOUS), name);
  check(H5Pset_alloc_time(creation.id(), H5D_ALLOC_TIME_EARLY), name);
  check(H5Pset_fill_time(creation.id(), H5D_FILL_TIME_NEVER), name);
  return {h5::dataset(H5Dcreate2(id(), path.c_str(), native_type(type), space.id(), links.id(),
                                 creation.id(), H5P_DEFAULT),
                      "cannot create " + name),
          name};
}

} // namespace fod::h5
