#include "fod/nccl.hpp"

#include "../device/library.hpp"

#include <nccl.h>

#include <chrono>
#include <cstring>
#include <thread>

namespace fod {

namespace {

void check(ncclResult_t status, std::string const& what) {
  if (status != ncclSuccess && status != ncclInProgress) {
    throw run_failure(what, std::string("NCCL: ") + ncclGetErrorString(status));
  }
}

} // namespace

struct NcclComm::Impl {
  ncclComm_t comm = nullptr;
  cudaStream_t stream = nullptr;

  /// Waits for the stream, asking NCCL for errors meanwhile: a lost peer must not hang us.
  void wait() const {
    for (auto status = cudaStreamQuery(stream); status != cudaSuccess;
         status = cudaStreamQuery(stream)) {
      if (status != cudaErrorNotReady) {
        cuda::check(status, "a reduction between GPUs failed");
      }
      ncclResult_t asynchronous = ncclSuccess;
      check(ncclCommGetAsyncError(comm, &asynchronous), "a reduction between GPUs failed");
      check(asynchronous, "a reduction between GPUs failed");
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
};

NcclComm::NcclComm(Comm const& comm) : impl_(std::make_unique<Impl>()) {
  ncclUniqueId id{};
  comm.on_root([&] { check(ncclGetUniqueId(&id), "NCCL cannot start"); });
  auto const bytes = comm.broadcast(std::string(id.internal, sizeof id.internal));
  std::memcpy(id.internal, bytes.data(), sizeof id.internal);
  comm.agree([&] {
    check(ncclCommInitRank(&impl_->comm, comm.size(), id, comm.rank()), "NCCL cannot start");
    cuda::check(cudaStreamCreateWithFlags(&impl_->stream, cudaStreamNonBlocking),
                "cannot make a stream");
  });
}

NcclComm::~NcclComm() {
  if (impl_->comm != nullptr) {
    ncclCommDestroy(impl_->comm);
  }
  if (impl_->stream != nullptr) {
    cudaStreamDestroy(impl_->stream);
  }
}

void NcclComm::all_sum(std::span<std::uint64_t> values) const {
  Buffer const device(values.size_bytes(), Buffer::Place::device);
  StreamView const stream{impl_->stream};
  copy_async(device.data(), values.data(), values.size_bytes(), stream);
  check(ncclAllReduce(device.data(), device.data(), values.size(), ncclUint64, ncclSum, impl_->comm,
                      impl_->stream),
        "a reduction between GPUs failed");
  copy_async(values.data(), device.data(), values.size_bytes(), stream);
  impl_->wait();
}

void NcclComm::all_sum_on_device(std::span<std::int64_t> values) const {
  if (values.empty()) {
    return;
  }
  // Sums modulo 2^64 are the same for signed numbers.
  check(ncclAllReduce(values.data(), values.data(), values.size(), ncclUint64, ncclSum, impl_->comm,
                      impl_->stream),
        "a reduction between GPUs failed");
  impl_->wait();
}

} // namespace fod
