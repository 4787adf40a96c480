#pragma once

#include "fod/dataset.hpp"
#include "fod/store.hpp"

#include <memory>
#include <span>
#include <string>

/// Inside of the metrics module: arrays of users with a row per sample.
namespace fod::metrics {

/// An array of numbers (N, ...). N is the number of rows of the file, which its rows follow; of a
/// file that is part of a dataset (--range, --shards) it may be that of the dataset.
class SampleArray {
public:
  /// @param extents that a row must have; negative ones may be any
  /// @throws Error (usage) for another size or shape
  SampleArray(std::string const& flag, std::string const& spec, Shape const& extents,
              store::ResultReader const& reader);
  [[nodiscard]] Shape const& row() const { return source_->field().shape; }
  [[nodiscard]] std::string const& name() const { return name_; }
  /// Numbers of rows of the result file.
  void read(IndexRange rows, std::span<double> out) const;

private:
  std::string name_;
  std::shared_ptr<DataSource> source_;
  std::int64_t offset_ = 0; ///< of the file's first row in the array
};

} // namespace fod::metrics
