#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace fod {

/// Class distributions by sample id, in memory, with metadata. Rows are in the order in which they
/// were added. What a moved-from object holds is empty.
class Distributions {
public:
  Distributions() = default;
  /// @param classes K, of each row @throws Error (usage) if it is negative
  explicit Distributions(std::int64_t classes);

  [[nodiscard]] std::int64_t size() const { return std::ssize(ids_); }
  [[nodiscard]] bool empty() const { return ids_.empty(); }
  [[nodiscard]] std::int64_t classes() const { return classes_; }
  /// Ids by row.
  [[nodiscard]] std::span<std::int64_t const> ids() const { return ids_; }
  /// All values (size, classes), row-major.
  [[nodiscard]] std::span<float const> values() const { return values_; }

  /// Appends a row; the first one of an object without classes says how many there are.
  /// @throws Error (usage) naming the id if it is there, or the row is of another length
  void add(std::int64_t id, std::span<float const> row);
  void reserve(std::int64_t rows);

  [[nodiscard]] bool contains(std::int64_t id) const { return find(id) >= 0; }
  /// The distribution of a sample. @throws Error (usage) naming the id if there is none
  [[nodiscard]] std::span<float const> at(std::int64_t id) const;
  /// Copies it. @param out `classes()` values @throws as `at`
  void read(std::int64_t id, std::span<float> out) const;
  /// By row, not by id.
  [[nodiscard]] std::span<float const> row(std::int64_t at) const {
    return std::span(values_).subspan(static_cast<std::size_t>(at * classes_),
                                      static_cast<std::size_t>(classes_));
  }

  /// JSON text of an object: "model_name" and what the user adds.
  [[nodiscard]] std::string const& meta() const { return meta_; }
  /// @throws Error (usage) for what is no JSON object
  void set_meta(std::string const& json);
  /// Sets the entry "model_name".
  void set_model_name(std::string const& name);

private:
  [[nodiscard]] std::int64_t find(std::int64_t id) const;
  void index_ids();

  std::int64_t classes_ = 0;
  std::vector<std::int64_t> ids_;
  std::vector<float> values_;
  std::string meta_ = "{\"model_name\": null}";
  /// Row by id, unless ids follow one another.
  std::unordered_map<std::int64_t, std::int64_t> rows_;
};

/// Writes them as the ending says: `.json` in the exact format of the Python tools, or `.h5` as a
/// result file. The name appears when all is on the disk.
/// @throws Error (usage) for another ending, or if the output exists and `overwrite` is not set;
///         (failed) if it cannot be written
void save_distributions(std::string const& path, Distributions const& distributions,
                        bool overwrite = false);

/// Reads what `save_distributions`, fod-generate or the Python tools wrote, by the ending. All is
/// in memory then (see `ResultReader` for more than that); numbers are rounded to float32. Samples
/// of a result that could not be read have no row.
/// @throws Error (usage) for a file that is not complete, damaged, or holds what are no
///         distributions, with the first finding
Distributions load_distributions(std::string const& path);

} // namespace fod
