#pragma once

#include "fod/neuron_groups.hpp"
#include "fod/shard.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fod {

/// A complete result file, opened for reading: any sample, any range of rows. Memory is what the
/// caller's ranges take. One object may be asked by several threads; they take turns.
class ResultReader {
public:
  /// @throws Error (usage) if it is missing, no result file, damaged, not complete, or of a newer
  ///         schema
  explicit ResultReader(std::string const& path);
  ~ResultReader();
  ResultReader(ResultReader&&) noexcept;
  ResultReader& operator=(ResultReader&&) noexcept;
  ResultReader(ResultReader const&) = delete;
  ResultReader& operator=(ResultReader const&) = delete;

  [[nodiscard]] std::string const& path() const;
  /// Number of samples N, those included whose input could not be read.
  [[nodiscard]] std::int64_t size() const;
  /// K; 0 if the job was asked for groups alone.
  [[nodiscard]] std::int64_t classes() const;
  /// JSON text of /meta.
  [[nodiscard]] std::string meta() const;
  /// Paths of all datasets with a row per sample: "/distributions", "/uncertainty/entropy", …
  [[nodiscard]] std::vector<std::string> sections() const;

  /// True if the sample has a distribution: it is in the file, and its input could be read.
  [[nodiscard]] bool contains(std::int64_t id) const;
  /// The distribution of a sample. @throws Error (usage) naming the id if it has none
  [[nodiscard]] std::vector<float> at(std::int64_t id) const;
  /// The same into `out`, of `classes()` values.
  void read(std::int64_t id, std::span<float> out) const;

  /// Ids of rows. @param rows numbers within the file, from 0 to `size()`
  /// @throws Error (usage) for rows that are not there
  [[nodiscard]] std::vector<std::int64_t> ids(IndexRange rows) const;
  /// Distributions of rows, (rows, classes).
  [[nodiscard]] std::vector<float> distributions(IndexRange rows) const;
  /// Rows of any section, as float64, (rows, …). @throws Error (usage) naming what sections there
  /// are if this one is not
  [[nodiscard]] std::vector<double> section(std::string const& path, IndexRange rows) const;

  /// The groups of neurons of all layers, in the order in which these ran; none if the job had not
  /// been asked for any. @throws Error (usage) if they are damaged
  [[nodiscard]] std::vector<NeuronGroups> neuron_groups() const;

  /// Some rows, in order.
  struct Portion {
    IndexRange rows;
    std::span<std::int64_t const> ids;
    std::span<float const> distributions; ///< (rows, classes)
  };
  /// Shows all rows in portions of at most `rows_at_once`.
  void for_each_portion(std::int64_t rows_at_once,
                        std::function<void(Portion const&)> const& show) const;

private:
  struct Impl;
  [[nodiscard]] Impl const& impl() const;
  std::unique_ptr<Impl> impl_;
};

} // namespace fod
