#pragma once

#include "fod/comm.hpp"
#include "fod/config.hpp"
#include "fod/device.hpp"

#include <memory>
#include <string>
#include <vector>

/// Inside of the pipeline: where the ranks run.
namespace fod {

/// What a job knows of its ranks; the same on all, but for `rank`, `device` and `threads`.
struct Machine {
  int rank = 0;                     ///< this one
  Device device;                    ///< of this rank
  int threads = 1;                  ///< of the model
  int spare_cores = 0;              ///< of this rank, beside these
  bool gpu_each = false;            ///< every rank has a GPU of its own
  std::vector<std::string> hosts;   ///< of every rank
  std::vector<std::string> devices; ///< of every rank, "cuda:0 NVIDIA H200"
  std::string warning;
};

/// Binds this rank's device and settles its threads. Collective.
/// @throws AgreedError for devices that are not there or shared unasked
Machine find_machine(Config const& config, Comm const& comm);

/// Bytes of memory that belong to this process alone (not mapped files).
std::int64_t anonymous_memory();

} // namespace fod
