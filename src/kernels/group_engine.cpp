#include "fod/group_engine.hpp"

namespace fod {

std::unique_ptr<groups::Engine> group_engine(groups::MatrixView correlations, Device const& device,
                                             int threads) {
  return device.is_cuda ? cuda_engine(correlations) : groups::host_engine(correlations, threads);
}

} // namespace fod
