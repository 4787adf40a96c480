#pragma once

#include "fod/store.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

/// Inside of the metrics module: true distributions.
namespace fod::metrics {

/// True distributions of the samples of a result file.
class Truth {
public:
  Truth() = default;
  Truth(Truth const&) = delete;
  Truth& operator=(Truth const&) = delete;
  virtual ~Truth() = default;
  /// Of rows of the result file, whose samples have these ids.
  /// @param out (rows, K) @param known (rows) 0 where there is none
  virtual void read(IndexRange rows, std::span<std::int64_t const> ids, std::span<double> out,
                    std::span<std::uint8_t> known) = 0;
};

/// Opens a result file or JSON of distributions, matched by sample id, or an array (N,K) of
/// probabilities or counts, whose rows are the file's.
/// @throws Error (usage) for another number of samples or classes, and for ids that differ
std::unique_ptr<Truth> open_truth(std::string const& spec, store::ResultReader const& reader);

/// Makes a distribution of probabilities (which sum to 1 within 1e-4) or counts (whole numbers).
/// @return false without a vote @throws Error (usage) naming the sample for anything else
bool normalise(std::span<double> row, std::string const& name, std::int64_t id);

} // namespace fod::metrics
