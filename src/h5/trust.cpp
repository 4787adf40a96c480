#include "trust.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <vector>

namespace fod::h5 {

namespace {

herr_t refuse_link(char const*, char const*, char const*, char const*, unsigned*, hid_t, void*) {
  return -1;
}

double chunk_bytes(hid_t creation, hid_t dataset, std::string const& name) {
  std::vector<hsize_t> extents(H5S_MAX_RANK);
  auto const rank = check(H5Pget_chunk(creation, H5S_MAX_RANK, extents.data()), name);
  Handle const type = datatype(H5Dget_type(dataset), name);
  auto bytes = static_cast<double>(H5Tget_size(type.id()));
  for (int i = 0; i < rank; ++i) {
    bytes *= static_cast<double>(extents[static_cast<std::size_t>(i)]);
  }
  return bytes;
}

} // namespace

hid_t own_links() {
  static Handle const access = [] {
    Handle list = property_list(H5P_DATASET_ACCESS);
    check(H5Pset_elink_cb(list.id(), refuse_link, nullptr), "cannot turn links away");
    return list;
  }();
  return access.id();
}

Handle open_own_dataset(File const& file, std::string const& path, std::string const& name) {
  auto const id = H5Dopen2(file.id(), path.c_str(), own_links());
  if (id < 0) {
    throw_bad_input("cannot open " + name, "name a dataset that is in this file; `h5ls -r " +
                                               file.path() + "` lists what is inside");
  }
  Handle opened = dataset(id, name);
  Handle const creation =
      Handle(check(H5Dget_create_plist(id), name), [](Id i) { return H5Pclose(i); });
  auto const layout = H5Pget_layout(creation.id());
  if (layout == H5D_VIRTUAL || H5Pget_external_count(creation.id()) > 0) {
    throw bad_input(name + " keeps its bytes in other files", "it is virtual or stored externally",
                    "copy its values into one file, in h5py `out['x'] = source['x'][...]`");
  }
  if (layout == H5D_CHUNKED) { // the library takes memory for a whole one
    require_plausible(id, chunk_bytes(creation.id(), id, name), name);
  }
  return opened;
}

double most_bytes(hid_t dataset) {
  constexpr double small = 64 << 20;
  constexpr double deflate = 1032;
  Handle const inside = file(H5Iget_file_id(dataset), "cannot look at the file of a dataset");
  hsize_t all = 0;
  check(H5Fget_filesize(inside.id(), &all), "cannot tell a file's size");
  return small + deflate * static_cast<double>(std::min(all, H5Dget_storage_size(dataset)));
}

void require_plausible(hid_t dataset, double bytes, std::string const& name) {
  if (bytes > most_bytes(dataset)) {
    throw bad_input(name + " claims more than it holds",
                    std::to_string(H5Dget_storage_size(dataset)) +
                        " bytes are stored, too few for what would have to be read at a time",
                    "write it again, or restore it from a backup");
  }
}

} // namespace fod::h5
