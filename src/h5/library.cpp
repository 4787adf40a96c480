#include "library.hpp"

#include "fod/error.hpp"

#include <mutex>
#include <string_view>

namespace fod::h5 {

namespace {

/// HDF5 does not print to stderr: its text goes into our messages instead. Where it is thread-safe,
/// each thread says so.
void silence_this_thread() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

/// Settings that come before every other call, also before MPI is there, whose end would else be
/// HDF5's, too early for handles that live as long as the process.
struct Settings {
  Settings() {
    H5dont_atexit(); // its clean-up at exit crashes after a close that failed, on a full disk say
    silence_this_thread();
  }
};
Settings const settings;

std::recursive_mutex one_thread;

/// The innermost description, and what the system said, if any says it.
struct Words {
  std::string innermost;
  std::string system;
};

herr_t keep_words(unsigned, H5E_error2_t const* error, void* out) {
  if (error->desc == nullptr || *error->desc == '\0') {
    return 0;
  }
  auto& words = *static_cast<Words*>(out);
  words.innermost = error->desc;
  constexpr std::string_view before = "error message = '";
  if (auto const begin = words.innermost.find(before); begin != std::string::npos) {
    auto const text = words.innermost.substr(begin + before.size());
    words.system = text.substr(0, text.find('\''));
  }
  return 0;
}

Handle owned(hid_t id, Handle::Closer closer, std::string const& what) {
  return {check(id, what), closer};
}

} // namespace

Lock::Lock() {
  one_thread.lock();
  thread_local bool silent = false;
  if (!silent) {
    silent = true;
    silence_this_thread();
  }
}

Lock::~Lock() {
  one_thread.unlock();
}

std::string library_text() {
  Words words;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_words, &words);
  H5Eclear2(H5E_DEFAULT);
  auto text = words.innermost.substr(0, words.innermost.find('\n'));
  if (!words.system.empty()) {
    // "file write failed: time = …": what comes after says when and where, not why.
    return "HDF5: " + text.substr(0, text.find(':')) + ", " + words.system;
  }
  return text.empty() ? "HDF5 gives no reason" : "HDF5: " + text;
}

void throw_library_error(std::string const& what) {
  throw run_failure(what, library_text());
}

void throw_bad_input(std::string const& what, std::string const& remedy) {
  throw bad_input(what, library_text(), remedy);
}

Handle file(hid_t id, std::string const& what) {
  return owned(
      id, [](Id i) { return H5Fclose(i); }, what);
}
Handle dataset(hid_t id, std::string const& what) {
  return owned(
      id, [](Id i) { return H5Dclose(i); }, what);
}
Handle datatype(hid_t id, std::string const& what) {
  return owned(
      id, [](Id i) { return H5Tclose(i); }, what);
}
Handle dataspace(hid_t id, std::string const& what) {
  return owned(
      id, [](Id i) { return H5Sclose(i); }, what);
}
Handle attribute(hid_t id, std::string const& what) {
  return owned(
      id, [](Id i) { return H5Aclose(i); }, what);
}
Handle object(hid_t id, std::string const& what) {
  return owned(
      id, [](Id i) { return H5Oclose(i); }, what);
}
Handle property_list(hid_t property_class) {
  return owned(
      H5Pcreate(property_class), [](Id i) { return H5Pclose(i); },
      "cannot create an HDF5 property list");
}

hid_t native_type(ElementType type) {
  switch (type) {
  case ElementType::boolean:
  case ElementType::uint8:
    return H5T_NATIVE_UINT8;
  case ElementType::int8:
    return H5T_NATIVE_INT8;
  case ElementType::int16:
    return H5T_NATIVE_INT16;
  case ElementType::int32:
    return H5T_NATIVE_INT32;
  case ElementType::int64:
    return H5T_NATIVE_INT64;
  case ElementType::uint16:
    return H5T_NATIVE_UINT16;
  case ElementType::uint32:
    return H5T_NATIVE_UINT32;
  case ElementType::uint64:
    return H5T_NATIVE_UINT64;
  case ElementType::float32:
    return H5T_NATIVE_FLOAT;
  case ElementType::float64:
    return H5T_NATIVE_DOUBLE;
  case ElementType::float16:
    return half_type();
  case ElementType::bfloat16:
    break;
  }
  throw bad_input("HDF5 has no type for " + std::string(name_of(type)));
}

hid_t half_type() {
  static Handle const half = [] {
    Handle type = datatype(H5Tcopy(H5T_IEEE_F32LE), "cannot make a half-precision type");
    check(H5Tset_fields(type.id(), 15, 10, 5, 0, 10), "half type");
    check(H5Tset_size(type.id(), 2), "half type");
    check(H5Tset_ebias(type.id(), 15), "half type");
    return type;
  }();
  return half.id();
}

Handle text_type() {
  Handle type = datatype(H5Tcopy(H5T_C_S1), "cannot make a string type");
  check(H5Tset_size(type.id(), H5T_VARIABLE), "string type");
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "string type");
  return type;
}

} // namespace fod::h5
