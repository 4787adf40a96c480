#pragma once

#include "plausible.hpp"

#include "fod/h5.hpp"

#include <string>
#include <utility>
#include <variant>
#include <vector>

/// Inside of the store module: datasets and attributes of one group of a file.
namespace fod::store {

class GroupWriter {
public:
  /// Creates the group, unless a second pass has put its rows there.
  GroupWriter(h5::File& file, std::string path) : file_(file), path_(std::move(path)) {
    if (!file_.contains(path_)) {
      file_.create_group(path_);
    }
  }

  template <class T>
  void put(std::string const& name, ElementType type, Shape const& shape,
           std::vector<T> const& values) {
    auto dataset = file_.create_dataset(path_ + "/" + name, type, shape);
    if (!values.empty()) {
      dataset.write({0, shape[0]}, type, values.data());
    }
  }
  void put(std::string const& name, std::vector<double> const& values) {
    put(name, ElementType::float64, {std::ssize(values)}, values);
  }
  void put(std::string const& name, std::vector<std::int64_t> const& values) {
    put(name, ElementType::int64, {std::ssize(values)}, values);
  }
  void put(std::string const& name, std::vector<std::string> const& texts) {
    file_.write_texts(path_ + "/" + name, texts);
  }
  void set(std::string const& name, h5::Attribute const& value) {
    file_.set_attribute(path_, name, value);
  }

private:
  h5::File& file_;
  std::string path_;
};

/// Of a file that may be damaged: every call throws Error (usage) then.
class GroupReader {
public:
  GroupReader(h5::File const& file, std::string path) : file_(file), path_(std::move(path)) {}

  [[nodiscard]] bool has(std::string const& name) const {
    return file_.contains(path_ + "/" + name);
  }
  template <class T>
  std::vector<T> values(std::string const& name, ElementType type) const {
    return read_all<T>(file_, path_, path_ + "/" + name, type);
  }
  [[nodiscard]] std::vector<double> reals(std::string const& name) const {
    return values<double>(name, ElementType::float64);
  }
  [[nodiscard]] std::vector<std::int64_t> wholes(std::string const& name) const {
    return values<std::int64_t>(name, ElementType::int64);
  }
  [[nodiscard]] std::vector<std::string> texts(std::string const& name) const {
    return file_.read_texts(path_ + "/" + name);
  }
  template <class T>
  T attribute(std::string const& name) const {
    auto const value = file_.attribute(path_, name);
    auto const* typed = std::get_if<T>(&value);
    require(typed != nullptr);
    return *typed;
  }
  void require(bool right) const { require_sane(file_, path_, right); }

private:
  h5::File const& file_;
  std::string path_;
};

} // namespace fod::store
