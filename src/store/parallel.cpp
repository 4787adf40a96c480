#include "parallel.hpp"

#include "../comm/library.hpp"
#include "../h5/library.hpp"

namespace fod::store {

h5::File open_together(std::string const& path, Comm const& comm) {
  h5::Lock const only;
  auto const what = "cannot open " + path;
  auto const access = h5::property_list(H5P_FILE_ACCESS);
  if (comm.size() > 1) {
    // A plain duplicate of the world: OMPIO was seen to corrupt files under a Cartesian one.
    h5::check(H5Pset_fapl_mpio(access.id(), comm.impl().handle, MPI_INFO_NULL), what);
  } else {
    // Rows go straight to the system, so that an fsync covers them.
    h5::check(H5Pset_sieve_buf_size(access.id(), 0), what);
  }
  auto const id = h5::check(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.id()), what);
  return {h5::Handle(
              id, [](h5::Id file) { return H5Fclose(file); }, comm.size() > 1),
          path};
}

} // namespace fod::store
