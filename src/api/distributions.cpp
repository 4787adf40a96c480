#include "fod/distributions.hpp"

#include "fod/error.hpp"
#include "fod/json.hpp"

#include <algorithm>

namespace fod {

Distributions::Distributions(std::int64_t classes) : classes_(classes) {
  if (classes < 0) {
    throw bad_input("distributions over " + std::to_string(classes) + " classes", "",
                    "give the number of classes");
  }
}

void Distributions::add(std::int64_t id, std::span<float const> row) {
  if (ids_.empty() && classes_ == 0) {
    classes_ = std::ssize(row);
  }
  if (std::ssize(row) != classes_) {
    throw bad_input("the distribution of sample " + std::to_string(id) + " has " +
                        std::to_string(row.size()) + " values",
                    "the others have " + std::to_string(classes_), "give one value per class");
  }
  bool const follows = ids_.empty() || id == ids_.back() + 1;
  if (!follows && rows_.empty()) {
    index_ids();
  }
  if (!rows_.empty()) {
    if (!rows_.emplace(id, size()).second) {
      throw bad_input("sample " + std::to_string(id) + " has a distribution already", "",
                      "add each sample once");
    }
  }
  ids_.push_back(id);
  values_.insert(values_.end(), row.begin(), row.end());
}

void Distributions::index_ids() {
  for (std::size_t row = 0; row < ids_.size(); ++row) {
    rows_.emplace(ids_[row], static_cast<std::int64_t>(row));
  }
}

void Distributions::reserve(std::int64_t rows) {
  ids_.reserve(static_cast<std::size_t>(rows));
  values_.reserve(static_cast<std::size_t>(rows * classes_));
}

std::int64_t Distributions::find(std::int64_t id) const {
  if (ids_.empty()) {
    return -1;
  }
  if (!rows_.empty()) {
    auto const found = rows_.find(id);
    return found == rows_.end() ? -1 : found->second;
  }
  return id < ids_.front() || id > ids_.back() ? -1 : id - ids_.front();
}

std::span<float const> Distributions::at(std::int64_t id) const {
  auto const found = find(id);
  if (found < 0) {
    throw bad_input("No distribution for index " + std::to_string(id),
                    "there are " + std::to_string(size()) + ", of other samples",
                    "see that dataset and distributions belong together");
  }
  return row(found);
}

void Distributions::read(std::int64_t id, std::span<float> out) const {
  std::ranges::copy(at(id), out.begin());
}

void Distributions::set_meta(std::string const& json) {
  meta_ = json::to_text(json::parse_meta(json));
}

void Distributions::set_model_name(std::string const& name) {
  auto entries = json::parse_meta(meta_);
  std::string quoted;
  json::append_string(quoted, name);
  json::set(entries, "model_name", quoted);
  meta_ = json::to_text(entries);
}

} // namespace fod
