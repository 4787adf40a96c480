#include "fod/h5.hpp"

#include "fod/error.hpp"
#include "library.hpp"
#include "trust.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace fod::h5 {

Handle::Handle(Handle&& other) noexcept
    : id_(std::exchange(other.id_, -1)), close_(other.close_),
      explicit_close_(other.explicit_close_) {}

Handle& Handle::operator=(Handle&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(close_, other.close_);
  std::swap(explicit_close_, other.explicit_close_);
  return *this;
}

Handle::~Handle() {
  Lock const only;
  if (id_ >= 0 && !explicit_close_) {
    close_(id_);
  }
}

void Handle::close() {
  Lock const only;
  if (id_ >= 0) {
    check(close_(std::exchange(id_, -1)), "closing an HDF5 object failed");
  }
}

File::File(Handle handle, std::string path) : handle_(std::move(handle)), path_(std::move(path)) {}

File File::open(std::string const& path) {
  Lock const only;
  auto const id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (id < 0) {
    throw_bad_input("cannot open " + path, "check that it is a whole HDF5 file");
  }
  return {file(id, path), path};
}

namespace {

Handle access_for_writing() {
  auto access = property_list(H5P_FILE_ACCESS);
  check(H5Pset_alignment(access.id(), stripe_bytes, stripe_bytes), "cannot align a file");
  // Values go straight to the system, so that an fsync covers them, and a write that fails says so.
  // The library would hold them back until their dataset is closed, by a destructor that is mute.
  check(H5Pset_sieve_buf_size(access.id(), 0), "cannot have a file written at once");
  return access;
}

} // namespace

File File::open_for_writing(std::string const& path) {
  Lock const only;
  auto const access = access_for_writing();
  return {file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.id()), "cannot open " + path), path};
}

File File::create(std::string const& path) {
  Lock const only;
  auto const access = access_for_writing();
  return {file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id()),
               "cannot create " + path),
          path};
}

namespace {

/// True if the link is there. One into another file is refused: what a file shows must be its own.
bool has_own_link(File const& file, std::string const& path) {
  auto const name = file.path() + ":" + path;
  auto const exists = H5Lexists(file.id(), path.c_str(), own_links());
  if (exists < 0) { // what comes before is no group, or the file is damaged
    throw_bad_input("cannot look at " + name, "`h5ls -r " + file.path() + "` lists what is inside");
  }
  if (exists == 0) {
    return false;
  }
  H5L_info_t link;
  check(H5Lget_info(file.id(), path.c_str(), &link, own_links()), "cannot look at " + name);
  if (link.type == H5L_TYPE_EXTERNAL) {
    throw bad_input(name + " is a link into another file", "such links are not followed",
                    "name that file itself, or copy the object");
  }
  return true;
}

} // namespace

bool File::contains(std::string const& object) const {
  Lock const only;
  // H5Lexists fails where a group on the way is missing, so every prefix is asked for.
  for (std::size_t end = object.find('/', 1);; end = object.find('/', end + 1)) {
    auto const prefix = object.substr(0, end);
    if (prefix != "/" && !has_own_link(*this, prefix)) {
      return false;
    }
    if (end == std::string::npos) {
      return true;
    }
  }
}

std::vector<std::string> File::members(std::string const& group) const {
  Lock const only;
  auto const opened = object(H5Oopen(id(), group.c_str(), own_links()), path_ + ":" + group);
  std::vector<std::string> names;
  auto const collect = [](hid_t, char const* name, H5L_info_t const*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  check(H5Literate(opened.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names),
        "cannot list " + path_ + ":" + group);
  return names;
}

std::int64_t File::bytes() const {
  std::error_code error;
  auto const size = std::filesystem::file_size(path_, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

void File::create_group(std::string const& path) {
  Lock const only;
  Handle const properties = property_list(H5P_LINK_CREATE);
  check(H5Pset_create_intermediate_group(properties.id(), 1), path_);
  Handle const created =
      object(H5Gcreate2(id(), path.c_str(), properties.id(), H5P_DEFAULT, H5P_DEFAULT),
             path_ + ":" + path);
}

void File::remove(std::string const& path) {
  Lock const only;
  check(H5Ldelete(id(), path.c_str(), H5P_DEFAULT), "cannot remove " + path_ + ":" + path);
}

void File::flush() {
  Lock const only;
  check(H5Fflush(id(), H5F_SCOPE_GLOBAL), "cannot flush " + path_);
}

void File::close() {
  Lock const only;
  handle_.close();
}

} // namespace fod::h5
