#include "library.hpp"
#include "strings.hpp"
#include "trust.hpp"

#include "fod/error.hpp"

#include <utility>

namespace fod::h5 {

bool File::is_text(std::string const& path) const {
  Lock const only;
  auto const what = path_ + ":" + path;
  if (!contains(path)) {
    return false;
  }
  auto const opened = H5Dopen2(id(), path.c_str(), own_links());
  if (opened < 0) {
    return false; // a group, say
  }
  Handle const dataset = h5::dataset(opened, what);
  Handle const stored = datatype(H5Dget_type(dataset.id()), what);
  return H5Tget_class(stored.id()) == H5T_STRING;
}

TextDataset File::text_dataset(std::string const& path) const {
  Lock const only;
  auto const what = path_ + ":" + path;
  return {open_own_dataset(*this, path, what), what};
}

TextDataset::TextDataset(Handle handle, std::string path)
    : handle_(std::move(handle)), path_(std::move(path)), shape_(shape_of(handle_.id(), path_)) {}

std::vector<std::string> TextDataset::read(IndexRange rows) const {
  Lock const only;
  if (rows.empty()) {
    return {};
  }
  auto const what = "cannot read rows " + std::to_string(rows.begin) + " to " +
                    std::to_string(rows.end) + " of " + path_;
  Handle const stored = datatype(H5Dget_type(handle_.id()), what);
  auto const selection = select(handle_.id(), shape_, rows, what);
  auto const read_all = [&](hid_t type, void* out) {
    return H5Dread(handle_.id(), type, selection.memory.id(), selection.file.id(), H5P_DEFAULT,
                   out);
  };
  auto const count = H5Sget_select_npoints(selection.file.id());
  require_plausible(handle_.id(), bytes_of_strings(stored.id(), count), path_);
  return read_strings(stored.id(), selection.memory.id(), static_cast<std::size_t>(count), read_all,
                      what);
}

} // namespace fod::h5
