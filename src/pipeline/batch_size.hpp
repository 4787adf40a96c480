#pragma once

#include "inputs.hpp"
#include "machine.hpp"

/// Inside of the pipeline: `--batch-size auto`.
namespace fod {

/// What real forward passes showed.
struct BatchSizeChoice {
  std::int64_t size = 1;
  std::string evidence; ///< "8: 1,200/s, 16: 2,100/s, …"
};

/// Rank 0 times forward passes at sizes that double, and takes the smallest within 5 % of the best
/// throughput that fits into memory and leaves every rank at least 8 batches. The model keeps that
/// size. Collective. @throws AgreedError if it takes no batch at all
BatchSizeChoice find_batch_size(Inputs const& inputs, Model& model, Machine const& machine,
                                Comm const& comm);

} // namespace fod
