#pragma once

#include "fod/comm.hpp"
#include "fod/device.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace fod {

/// Reductions from device to device. For ranks that have a GPU each: NCCL refuses a shared one.
/// NCCL's asynchronous errors are polled for while it works; after one it cannot be used any more.
class NcclComm {
public:
  /// Collective over `comm`. The device is bound already. @throws Error with NCCL's text
  explicit NcclComm(Comm const& comm);
  ~NcclComm();
  NcclComm(NcclComm const&) = delete;
  NcclComm& operator=(NcclComm const&) = delete;

  /// Element-wise sums over ranks, modulo 2^64, of values on the host, by way of the device.
  /// Collective. @throws Error (failed) also for an error that NCCL meets while it works
  void all_sum(std::span<std::uint64_t> values) const;
  /// The same, in place, of values that are on the device already and complete on every stream.
  void all_sum_on_device(std::span<std::int64_t> values) const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace fod
