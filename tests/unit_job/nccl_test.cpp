#include "fod/comm.hpp"
#include "fod/nccl.hpp"
#include "job_support.hpp"

#include <catch2/catch.hpp>

#include <cuda_runtime.h>
#include <numeric>
#include <vector>

TEST_CASE("NCCL starts, sums over a single rank, on host and device, and ends") {
  if (!job_support::has_gpu()) {
    WARN("GPU tests are skipped: there is no GPU");
    return;
  }
  auto const comm = fod::Comm::alone();
  fod::NcclComm const nccl(comm);
  std::vector<std::uint64_t> values(1000);
  std::iota(values.begin(), values.end(), ~std::uint64_t{0} - 500); // across the wrap
  auto const before = values;
  nccl.all_sum(values);
  CHECK(values == before);

  std::vector<std::int64_t> whole(70001);
  std::iota(whole.begin(), whole.end(), std::int64_t{-35000});
  auto const device = job_support::on_device({true, 0, "GPU", {}}, whole);
  cudaDeviceSynchronize();
  nccl.all_sum_on_device(device.as<std::int64_t>());
  std::vector<std::int64_t> got(whole.size());
  REQUIRE(cudaMemcpy(got.data(), device.data(), device.bytes(), cudaMemcpyDefault) == cudaSuccess);
  CHECK(got == whole);
  nccl.all_sum_on_device({});
}
