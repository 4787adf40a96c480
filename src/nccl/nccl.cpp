#include "fod/nccl.hpp"

#include "../device/libraries.hpp"
#include "../device/library.hpp"

#include <nccl.h>

#include <chrono>
#include <cstring>
#include <thread>

namespace fod {

namespace {

constexpr char const* problem = "a reduction between GPUs failed";
constexpr auto pause = std::chrono::microseconds(50);
constexpr auto patience_at_end = std::chrono::seconds(30);

/// NCCL, loaded when the first communicator is made.
struct Library {
  decltype(ncclGetErrorString)* text =
      cuda::function<decltype(ncclGetErrorString)>("ncclGetErrorString");
  decltype(ncclGetLastError)* last_error =
      cuda::function<decltype(ncclGetLastError)>("ncclGetLastError");
  decltype(ncclGetUniqueId)* unique_id =
      cuda::function<decltype(ncclGetUniqueId)>("ncclGetUniqueId");
  decltype(ncclCommInitRankConfig)* init_rank =
      cuda::function<decltype(ncclCommInitRankConfig)>("ncclCommInitRankConfig");
  decltype(ncclCommGetAsyncError)* async_error =
      cuda::function<decltype(ncclCommGetAsyncError)>("ncclCommGetAsyncError");
  decltype(ncclAllReduce)* all_reduce = cuda::function<decltype(ncclAllReduce)>("ncclAllReduce");
  decltype(ncclCommFinalize)* finalize =
      cuda::function<decltype(ncclCommFinalize)>("ncclCommFinalize");
  decltype(ncclCommDestroy)* destroy = cuda::function<decltype(ncclCommDestroy)>("ncclCommDestroy");
  decltype(ncclCommAbort)* abort = cuda::function<decltype(ncclCommAbort)>("ncclCommAbort");
};

Library const& nccl() {
  static Library const functions;
  return functions;
}

void check(ncclResult_t status, std::string const& what) {
  if (status != ncclSuccess) {
    throw run_failure(what, std::string("NCCL: ") + nccl().text(status));
  }
}

} // namespace

/// No call blocks: each is asked after until it is done, errors that come meanwhile included, since
/// a lost peer must not hang us. After an error the communicator is aborted and cannot be used.
struct NcclComm::Impl {
  ncclComm_t comm = nullptr;
  cudaStream_t stream = nullptr;

  Impl() = default;
  Impl(Impl const&) = delete;
  Impl& operator=(Impl const&) = delete;
  ~Impl() {
    end();
    if (stream != nullptr) {
      cudaStreamDestroy(stream);
    }
  }

  void start(Comm const& ranks, ncclUniqueId const& id) {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    settle(nccl().init_rank(&comm, ranks.size(), id, ranks.rank(), &config), "NCCL cannot start");
    cuda::check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cannot make a stream");
  }

  void sum(void const* from, void* to, std::size_t count) {
    settle(nccl().all_reduce(from, to, count, ncclUint64, ncclSum, comm, stream), problem);
  }

  /// Waits until NCCL has taken in what it was asked to do.
  void settle(ncclResult_t status, std::string const& what) {
    while (status == ncclInProgress) {
      std::this_thread::sleep_for(pause);
      status = state();
    }
    if (status != ncclSuccess) {
      fail(status, what);
    }
  }

  /// Waits until the device has done it.
  void wait() {
    for (auto status = cudaStreamQuery(stream); status != cudaSuccess;
         status = cudaStreamQuery(stream)) {
      if (status != cudaErrorNotReady) {
        abort();
        cuda::check(status, problem);
      }
      settle(state(), problem);
      std::this_thread::sleep_for(pause);
    }
  }

  [[nodiscard]] ncclResult_t state() const {
    ncclResult_t asynchronous = ncclSuccess;
    auto const asked = nccl().async_error(comm, &asynchronous);
    return asked == ncclSuccess ? asynchronous : asked;
  }

  [[noreturn]] void fail(ncclResult_t status, std::string const& what) {
    auto const* detail = comm == nullptr ? nullptr : nccl().last_error(comm);
    auto why = std::string("NCCL: ") + nccl().text(status);
    if (detail != nullptr && *detail != '\0') {
      why += ", " + std::string(detail);
    }
    abort();
    throw run_failure(what, why, "see that all ranks and their GPUs are well");
  }

  void abort() {
    if (comm != nullptr) {
      nccl().abort(comm);
      comm = nullptr;
    }
  }

  /// In order if the peers are there, else by force.
  void end() {
    if (comm == nullptr) {
      return;
    }
    auto status = nccl().finalize(comm);
    auto const deadline = std::chrono::steady_clock::now() + patience_at_end;
    while (status == ncclInProgress && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(pause);
      status = state();
    }
    if (status == ncclSuccess) {
      nccl().destroy(comm);
    } else {
      nccl().abort(comm);
    }
    comm = nullptr;
  }
};

NcclComm::NcclComm(Comm const& comm) : impl_(std::make_unique<Impl>()) {
  ncclUniqueId id{};
  comm.on_root([&] { check(nccl().unique_id(&id), "NCCL cannot start"); });
  auto const bytes = comm.broadcast(std::string(id.internal, sizeof id.internal));
  std::memcpy(id.internal, bytes.data(), sizeof id.internal);
  comm.agree([&] { impl_->start(comm, id); });
}

NcclComm::~NcclComm() = default;

void NcclComm::all_sum(std::span<std::uint64_t> values) const {
  Buffer const device(values.size_bytes(), Buffer::Place::device);
  StreamView const stream{impl_->stream};
  copy_async(device.data(), values.data(), values.size_bytes(), stream);
  impl_->sum(device.data(), device.data(), values.size());
  copy_async(values.data(), device.data(), values.size_bytes(), stream);
  impl_->wait();
}

void NcclComm::all_sum_on_device(std::span<std::int64_t> values) const {
  if (values.empty()) {
    return;
  }
  // Sums modulo 2^64 are the same for signed numbers.
  impl_->sum(values.data(), values.data(), values.size());
  impl_->wait();
}

} // namespace fod
