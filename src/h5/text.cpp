#include "library.hpp"
#include "strings.hpp"
#include "trust.hpp"

#include "fod/error.hpp"

#include <utility>

namespace fod::h5 {

namespace {

std::size_t count_of(hid_t space) {
  auto const points = H5Sget_simple_extent_npoints(space);
  return points < 0 ? 0 : static_cast<std::size_t>(points);
}

Handle open_attribute(File const& file, std::string const& object, std::string const& name) {
  return attribute(
      H5Aopen_by_name(file.id(), object.c_str(), name.c_str(), H5P_DEFAULT, own_links()),
      "cannot open attribute " + name + " of " + file.path() + ":" + object);
}

struct StoredValue {
  Handle type;
  void const* data;
};

StoredValue stored_value(Attribute const& value, char const*& text) {
  auto const copy = [](hid_t type) { return datatype(H5Tcopy(type), "cannot copy a type"); };
  if (auto const* number = std::get_if<std::int64_t>(&value)) {
    return {copy(H5T_NATIVE_INT64), number};
  }
  if (auto const* number = std::get_if<double>(&value)) {
    return {copy(H5T_NATIVE_DOUBLE), number};
  }
  text = std::get<std::string>(value).c_str();
  return {text_type(), static_cast<void const*>(&text)};
}

} // namespace

std::vector<std::string> File::read_texts(std::string const& path) const {
  Lock const only;
  auto const what = "cannot read " + path_ + ":" + path;
  Handle const opened = open_own_dataset(*this, path, path_ + ":" + path);
  Handle const stored = datatype(H5Dget_type(opened.id()), what);
  Handle const space = dataspace(H5Dget_space(opened.id()), what);
  require_plausible(opened.id(),
                    bytes_of_strings(stored.id(), H5Sget_simple_extent_npoints(space.id())), what);
  auto const read = [&](hid_t type, void* out) {
    return H5Dread(opened.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
  };
  return read_strings(stored.id(), space.id(), count_of(space.id()), read, what);
}

std::string File::read_text(std::string const& path) const {
  auto texts = read_texts(path);
  if (texts.size() != 1) {
    throw bad_input(path_ + ":" + path, "it is no single string");
  }
  return texts[0];
}

void File::write_texts(std::string const& path, std::vector<std::string> const& texts) {
  Lock const only;
  auto const what = "cannot write " + path_ + ":" + path;
  hsize_t const count = texts.size();
  Handle const space = dataspace(H5Screate_simple(1, &count, nullptr), what);
  Handle const links = property_list(H5P_LINK_CREATE);
  check(H5Pset_create_intermediate_group(links.id(), 1), what);
  Handle const type = text_type();
  Handle const created = h5::dataset(
      H5Dcreate2(id(), path.c_str(), type.id(), space.id(), links.id(), H5P_DEFAULT, H5P_DEFAULT),
      what);
  std::vector<char const*> pointers;
  for (auto const& text : texts) {
    pointers.push_back(text.c_str());
  }
  check(H5Dwrite(created.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                 static_cast<void const*>(pointers.data())),
        what);
}

void File::write_text(std::string const& path, std::string const& text) {
  Lock const only;
  auto const what = "cannot write " + path_ + ":" + path;
  if (contains(path)) {
    remove(path);
  }
  Handle const space = dataspace(H5Screate(H5S_SCALAR), what);
  Handle const type = text_type();
  Handle const created = h5::dataset(
      H5Dcreate2(id(), path.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      what);
  char const* const pointer = text.c_str();
  check(H5Dwrite(created.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                 static_cast<void const*>(&pointer)),
        what);
}

bool File::has_attribute(std::string const& object, std::string const& name) const {
  Lock const only;
  return check(H5Aexists_by_name(id(), object.c_str(), name.c_str(), own_links()),
               path_ + ":" + object) > 0;
}

Attribute File::attribute(std::string const& object, std::string const& name) const {
  Lock const only;
  auto const what = "cannot read attribute " + name + " of " + path_ + ":" + object;
  Handle const opened = open_attribute(*this, object, name);
  Handle const stored = datatype(H5Aget_type(opened.id()), what);
  Handle const space = dataspace(H5Aget_space(opened.id()), what);
  if (count_of(space.id()) != 1) {
    throw bad_input(what, "it is no single value");
  }
  switch (H5Tget_class(stored.id())) {
  case H5T_INTEGER: {
    std::int64_t value = 0;
    check(H5Aread(opened.id(), H5T_NATIVE_INT64, &value), what);
    return value;
  }
  case H5T_FLOAT: {
    double value = 0;
    check(H5Aread(opened.id(), H5T_NATIVE_DOUBLE, &value), what);
    return value;
  }
  default:
    return read_strings(
               stored.id(), space.id(), 1,
               [&](hid_t type, void* out) { return H5Aread(opened.id(), type, out); }, what)
        .front();
  }
}

std::vector<std::string> File::attribute_names(std::string const& path) const {
  Lock const only;
  Handle const opened = object(H5Oopen(id(), path.c_str(), own_links()), path_ + ":" + path);
  std::vector<std::string> names;
  auto const collect = [](hid_t, char const* name, H5A_info_t const*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  hsize_t position = 0;
  check(H5Aiterate2(opened.id(), H5_INDEX_NAME, H5_ITER_INC, &position, collect, &names),
        "cannot list the attributes of " + path_ + ":" + path);
  return names;
}

void File::set_attribute(std::string const& object, std::string const& name,
                         Attribute const& value) {
  Lock const only;
  auto const what = "cannot write attribute " + name + " of " + path_ + ":" + object;
  if (has_attribute(object, name)) {
    check(H5Adelete_by_name(id(), object.c_str(), name.c_str(), H5P_DEFAULT), what);
  }
  char const* text = nullptr;
  auto const stored = stored_value(value, text);
  Handle const space = dataspace(H5Screate(H5S_SCALAR), what);
  Handle const created =
      h5::attribute(H5Acreate_by_name(id(), object.c_str(), name.c_str(), stored.type.id(),
                                      space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                    what);
  check(H5Awrite(created.id(), stored.type.id(), stored.data), what);
}

} // namespace fod::h5
