#pragma once

#include "mapped_file.hpp"

#include "fod/dataset.hpp"
#include "fod/python.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// One file per format. Each takes a field's name and throws Error (usage) for what it cannot read.
namespace fod {

/// A file, and the object in it that was named.
struct Place {
  std::string file;
  std::string object;
};
/// File and object of "x.h5:/path". @throws Error (usage) for a scheme like "https:"
Place locate(std::string const& spec);

[[nodiscard]] bool is_npy(std::span<std::byte const> bytes);
std::unique_ptr<DataSource> open_npy(MappedFile file, std::string name);

[[nodiscard]] bool is_idx(std::span<std::byte const> bytes);
std::unique_ptr<DataSource> open_idx(MappedFile file, std::string name);

using Sources = std::vector<std::shared_ptr<DataSource>>;
/// Several inputs (one at least) as one: of one type, equal but for the first extent of a sample.
std::unique_ptr<DataSource> concatenate(Sources parts);
/// What several sources together say of samples and classes: the union, the first that knows,
/// the most threads (0 if any says so).
std::vector<std::int64_t> unreadable_of(Sources const& sources, IndexRange range);
int reading_threads_of(Sources const& sources);
std::string sample_name_of(Sources const& sources, std::int64_t sample);
std::vector<std::string> class_names_of(Sources const& sources);

/// The fields of one --data.
struct OpenedData {
  Sources sources;
  std::string label; ///< name of the one that holds class indices; empty if none is known to
  std::string note;  ///< what a user should know of it; empty if nothing
};
/// `python:module:callable`, one field per array in a sample.
/// @param name of the field if a sample is one array
/// @param prefixed puts "name." before the fields' names if there are several
OpenedData open_python(std::string const& spec, std::string const& name, bool prefixed,
                       python::Requirements const& requirements);
/// The only field, or the class index of (input, class index) samples.
std::shared_ptr<DataSource> open_python_labels(std::string const& spec,
                                               python::Requirements const& requirements);

enum class CifarPart { image, label };
/// True for `cifar10:…` and `cifar100:…`.
[[nodiscard]] bool is_cifar(std::string_view spec);
std::unique_ptr<DataSource> open_cifar(std::string const& spec, std::string name, CifarPart part);

/// True for a folder.
[[nodiscard]] bool is_image_folder(std::string const& spec);
/// Images of a folder, `FOLDER/class/x.jpg|jpeg|png`.
std::unique_ptr<DataSource> open_image_folder(std::string const& folder, std::string name,
                                              ImageOptions const& options);
/// The class of each of these images, in the same order.
std::unique_ptr<DataSource> open_image_labels(std::string const& folder, std::string name);

[[nodiscard]] bool is_gzip(std::span<std::byte const> bytes);
/// An IDX file compressed by gzip.
std::unique_ptr<DataSource> open_idx_gzip(std::string const& path, std::string name);

[[nodiscard]] bool is_hdf5(std::span<std::byte const> bytes);
/// Names of what the file holds at its root, for messages: "/images, /labels".
std::string hdf5_members(std::string const& path);
/// @param object path of a dataset inside of the file
std::unique_ptr<DataSource> open_hdf5(std::string const& path, std::string const& object,
                                      std::string name);

} // namespace fod
