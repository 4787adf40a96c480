#include "fod/result.hpp"

#include "found_groups.hpp"

#include "fod/error.hpp"
#include "fod/store.hpp"

#include <algorithm>
#include <mutex>
#include <unordered_map>

namespace fod {

struct ResultReader::Impl {
  explicit Impl(std::string const& path) : file(store::open_result(path)) {
    if (!file.complete()) {
      throw bad_input(path + " is not complete", "the job that writes it has not finished",
                      "let it finish, or run it again with --resume");
    }
  }

  void require(IndexRange rows) const {
    if (rows.begin < 0 || rows.end > file.rows() || rows.begin > rows.end) {
      throw bad_input("rows " + std::to_string(rows.begin) + " to " + std::to_string(rows.end) +
                          " of " + file.path(),
                      "it has " + std::to_string(file.rows()), "give a range within");
    }
  }

  template <class Value>
  std::vector<Value> rows_of(std::string const& path, IndexRange rows, std::int64_t width,
                             ElementType type) const {
    require(rows);
    std::vector<Value> values(static_cast<std::size_t>(rows.size() * width));
    if (!values.empty()) {
      std::scoped_lock const lock(mutex);
      file.read(path, rows, type, values.data());
    }
    return values;
  }

  /// Row of a sample; -1 if it is not there.
  std::int64_t row_of(std::int64_t id) const {
    if (!file.layout().explicit_ids) {
      auto const samples = file.layout().samples();
      return samples.contains(id) ? id - samples.begin : -1;
    }
    std::scoped_lock const lock(mutex);
    if (row_by_id.empty() && file.rows() > 0) { // of an imported file, when first asked for
      std::vector<std::int64_t> ids(static_cast<std::size_t>(file.rows()));
      file.read("/sample_ids", {0, file.rows()}, ElementType::int64, ids.data());
      for (std::size_t row = 0; row < ids.size(); ++row) {
        row_by_id.emplace(ids[row], static_cast<std::int64_t>(row));
      }
    }
    auto const found = row_by_id.find(id);
    return found == row_by_id.end() ? -1 : found->second;
  }

  bool is_readable(std::int64_t row) const {
    auto const status = rows_of<std::uint8_t>("/row_status", {row, row + 1}, 1, ElementType::uint8);
    return status.front() != static_cast<std::uint8_t>(RowStatus::unreadable);
  }

  store::ResultReader file;
  mutable std::mutex mutex; ///< HDF5 takes one thread at a time
  mutable std::unordered_map<std::int64_t, std::int64_t> row_by_id;
};

ResultReader::ResultReader(std::string const& path) : impl_(std::make_unique<Impl>(path)) {}
ResultReader::~ResultReader() = default;
ResultReader::ResultReader(ResultReader&&) noexcept = default;
ResultReader& ResultReader::operator=(ResultReader&&) noexcept = default;

ResultReader::Impl const& ResultReader::impl() const {
  if (!impl_) {
    throw bad_input("a ResultReader was asked that has given its file away",
                    "another object was made from it by std::move", "ask that one");
  }
  return *impl_;
}

std::string const& ResultReader::path() const {
  return impl().file.path();
}

std::int64_t ResultReader::size() const {
  return impl().file.rows();
}

std::int64_t ResultReader::classes() const {
  auto const& layout = impl().file.layout();
  return layout.distributions ? layout.classes : 0;
}

std::string ResultReader::meta() const {
  auto const& all = impl();
  std::scoped_lock const lock(all.mutex);
  return all.file.meta();
}

std::vector<std::string> ResultReader::sections() const {
  std::vector<std::string> paths;
  for (auto const& ledger : impl().file.ledgers()) {
    for (auto const& section : ledger.sections) {
      paths.push_back(section.path);
    }
  }
  return paths;
}

bool ResultReader::contains(std::int64_t id) const {
  auto const row = impl().row_of(id);
  return row >= 0 && classes() > 0 && impl().is_readable(row);
}

std::vector<float> ResultReader::at(std::int64_t id) const {
  std::vector<float> values(static_cast<std::size_t>(classes()));
  read(id, values);
  return values;
}

void ResultReader::read(std::int64_t id, std::span<float> out) const {
  auto const row = impl().row_of(id);
  if (row < 0 || classes() == 0) {
    throw bad_input("No distribution for index " + std::to_string(id),
                    path() + (classes() == 0 ? " holds none" : " has no such sample"),
                    "see that dataset and result belong together");
  }
  if (!impl().is_readable(row)) {
    throw bad_input("No distribution for index " + std::to_string(id),
                    "its input could not be read when " + path() + " was made",
                    "leave the sample out, or make the result again with its input mended");
  }
  std::ranges::copy(distributions({row, row + 1}), out.begin());
}

std::vector<std::int64_t> ResultReader::ids(IndexRange rows) const {
  return impl().rows_of<std::int64_t>("/sample_ids", rows, 1, ElementType::int64);
}

std::vector<float> ResultReader::distributions(IndexRange rows) const {
  if (classes() == 0) {
    impl().require(rows);
    return {};
  }
  return impl().rows_of<float>("/distributions", rows, classes(), ElementType::float32);
}

std::vector<double> ResultReader::section(std::string const& path, IndexRange rows) const {
  for (auto const& ledger : impl().file.ledgers()) {
    for (auto const& section : ledger.sections) {
      if (section.path == path) {
        auto const width = std::max<std::int64_t>(1, element_count(section.row));
        return impl().rows_of<double>(path, rows, width, ElementType::float64);
      }
    }
  }
  std::string there;
  for (auto const& known : sections()) {
    there += (there.empty() ? "" : ", ") + known;
  }
  throw bad_input(this->path() + " has no rows " + path, "it has " + there, "ask for one of these");
}

std::vector<NeuronGroups> ResultReader::neuron_groups() const {
  auto const& all = impl();
  std::scoped_lock const lock(all.mutex);
  std::vector<NeuronGroups> found;
  for (auto const& layer : store::read_layers(all.file.file())) {
    found.push_back(to_neuron_groups(layer));
  }
  return found;
}

void ResultReader::for_each_portion(std::int64_t rows_at_once,
                                    std::function<void(Portion const&)> const& show) const {
  if (rows_at_once < 1) {
    throw bad_input("portions of " + std::to_string(rows_at_once) + " rows", "",
                    "ask for one row at least");
  }
  for (std::int64_t begin = 0; begin < size(); begin += rows_at_once) {
    IndexRange const rows{begin, std::min(size(), begin + rows_at_once)};
    auto const of_rows = ids(rows);
    auto const values = distributions(rows);
    show({rows, of_rows, values});
  }
}

} // namespace fod
