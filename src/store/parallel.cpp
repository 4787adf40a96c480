#include "parallel.hpp"

#include "../comm/library.hpp"
#include "../h5/library.hpp"

namespace fod::store {

h5::File open_together(std::string const& path, Comm const& comm) {
  if (comm.size() == 1) {
    return h5::File::open_for_writing(path);
  }
  h5::Lock const only;
  auto const what = "cannot open " + path;
  auto const access = h5::property_list(H5P_FILE_ACCESS);
  // A plain duplicate of the world: OMPIO was seen to corrupt files under a Cartesian one.
  h5::check(H5Pset_fapl_mpio(access.id(), comm.impl().handle, MPI_INFO_NULL), what);
  auto const id = h5::check(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.id()), what);
  return {h5::Handle(
              id, [](h5::Id file) { return H5Fclose(file); }, true),
          path};
}

} // namespace fod::store
