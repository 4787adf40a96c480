#include "formats.hpp"
#include "rows.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace fod {

namespace {

constexpr char const* supported =
    "give a .npy file, an HDF5 dataset (x.h5:/path), an MNIST IDX file (.gz too), "
    "cifar10:FILE or cifar100:FILE (the binary version), or a folder of images, FOLDER/class/x.jpg";

bool exists(std::string const& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

bool has_hdf5_ending(std::string_view path) {
  constexpr std::array<std::string_view, 4> endings{".h5", ".hdf5", ".hdf", ".he5"};
  return std::any_of(endings.begin(), endings.end(),
                     [&](auto ending) { return path.ends_with(ending); });
}

/// A word before the first colon, as in "python:module:callable" or "https://…".
bool names_scheme(std::string_view spec) {
  auto const word = spec.substr(0, spec.find(':'));
  return word.size() < spec.size() && word.find_first_of("./") == std::string_view::npos;
}

/// `spec` parted at the first colon whose left side is `accepted` as a file.
template <class Accept>
std::optional<Place> part(std::string const& spec, Accept accepted) {
  for (auto at = spec.find(':'); at != std::string::npos; at = spec.find(':', at + 1)) {
    if (auto file = spec.substr(0, at); accepted(file)) {
      return Place{std::move(file), spec.substr(at + 1)};
    }
  }
  return std::nullopt;
}

/// A kind of file that is known, but not read; known by its ending or by its first bytes.
struct ForeignKind {
  std::string_view ending;
  std::string_view beginning;
  std::string_view what;
  std::string_view remedy;
};
constexpr std::string_view convert_torch =
    "save the tensor, numpy.save('x.npy', torch.load('x.pt').numpy())";
constexpr std::string_view convert_table =
    "save the numbers, numpy.save('x.npy', numpy.loadtxt('x.csv', delimiter=','))";
constexpr std::string_view convert_pickle =
    "save the array, numpy.save('x.npy', pickle.load(open('x.pkl', 'rb')))";
constexpr std::array foreign_kinds{
    ForeignKind{".npz", "", "an archive of arrays",
                "save one by itself, numpy.save('x.npy', numpy.load('x.npz')['name'])"},
    ForeignKind{".pt", "", "a file of PyTorch", convert_torch},
    ForeignKind{".pth", "", "a file of PyTorch", convert_torch},
    ForeignKind{".pkl", "", "a pickle, which would run code", convert_pickle},
    ForeignKind{".pickle", "", "a pickle, which would run code", convert_pickle},
    ForeignKind{".csv", "", "a table in text", convert_table},
    ForeignKind{".tsv", "", "a table in text", convert_table},
    ForeignKind{".txt", "", "a table in text", convert_table},
    ForeignKind{".parquet", "", "a Parquet table",
                "save the numbers, numpy.save('x.npy', pandas.read_parquet('x').to_numpy())"},
    ForeignKind{"", "PK\x03\x04", "a zip archive", "unpack it and save the array with numpy.save"},
    ForeignKind{"", "version https://git-lfs", "a pointer of Git LFS, not the file itself",
                "fetch it, `git lfs pull`"},
    ForeignKind{"", "\x80", "a pickle, which would run code", convert_pickle}};

[[noreturn]] void throw_unknown_kind(MappedFile const& file) {
  auto const bytes = file.bytes();
  std::string_view const text(reinterpret_cast<char const*>(bytes.data()), bytes.size());
  for (auto const& kind : foreign_kinds) {
    if (kind.ending.empty() ? text.starts_with(kind.beginning)
                            : file.path().ends_with(kind.ending)) {
      throw bad_input("cannot read " + file.path(), "it is " + std::string(kind.what),
                      std::string(kind.remedy));
    }
  }
  throw bad_input(file.path() + " is of no known kind",
                  bytes.empty() ? "it is empty"
                                : "it begins with the bytes " + leading_bytes(bytes),
                  supported);
}

[[noreturn]] void throw_no_object(std::string const& file) {
  auto const members = hdf5_members(file);
  throw bad_input(file + " does not say which dataset",
                  "it is an HDF5 file that holds " + (members.empty() ? "nothing" : members),
                  "name one in the form " + file + ":/path");
}

std::unique_ptr<DataSource> open_object(MappedFile const& file, std::string const& object,
                                        std::string name) {
  if (!is_hdf5(file.bytes())) {
    throw bad_input(file.path() + " is no HDF5 file", "only there an object is named, as " + object,
                    supported);
  }
  if (!object.starts_with('/')) {
    throw bad_input("cannot read " + file.path() + ":" + object, "a path begins with '/'",
                    "write " + file.path() + ":/" + object);
  }
  return open_hdf5(file.path(), object, std::move(name));
}

} // namespace

// Files may have colons in their names, so what exists decides.
Place locate(std::string const& spec) {
  if (exists(spec)) {
    return {spec, {}};
  }
  if (auto place = part(spec, exists)) {
    return *place;
  }
  if (names_scheme(spec)) {
    throw bad_input("cannot read data from " + spec,
                    "'" + spec.substr(0, spec.find(':') + 1) + "' is no supported source",
                    supported);
  }
  return part(spec, has_hdf5_ending).value_or(Place{spec, {}});
}

std::unique_ptr<DataSource> open_source(std::string const& spec, std::string name,
                                        ImageOptions const& images) {
  if (spec.empty()) {
    throw bad_input("a data source without a file", "its name is empty", supported);
  }
  if (is_cifar(spec)) {
    return open_cifar(spec, std::move(name), CifarPart::image);
  }
  if (is_image_folder(spec)) {
    return open_image_folder(spec, std::move(name), images);
  }
  auto const place = locate(spec);
  MappedFile file(place.file);
  if (!place.object.empty()) {
    return open_object(file, place.object, std::move(name));
  }
  if (is_npy(file.bytes())) {
    return open_npy(std::move(file), std::move(name));
  }
  if (is_hdf5(file.bytes())) {
    throw_no_object(place.file);
  }
  if (is_gzip(file.bytes())) {
    return open_idx_gzip(place.file, std::move(name));
  }
  if (is_idx(file.bytes())) {
    return open_idx(std::move(file), std::move(name));
  }
  throw_unknown_kind(file);
}

} // namespace fod
