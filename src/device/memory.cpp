#include "fod/device.hpp"

#include "fod/error.hpp"
#include "library.hpp"

#include <fstream>
#include <new>

namespace fod {

namespace cuda {

void check(cudaError_t status, std::string const& what) {
  if (status != cudaSuccess) {
    throw run_failure(what, std::string("CUDA: ") + cudaGetErrorString(status));
  }
}

} // namespace cuda

namespace {

/// What vector units and the device's copy engine like best.
constexpr std::align_val_t alignment{64};

std::int64_t meminfo(std::string const& key) {
  std::ifstream file("/proc/meminfo");
  for (std::string name; file >> name;) {
    std::int64_t kibibytes = 0;
    file >> kibibytes;
    if (name == key + ":") {
      return kibibytes * 1024;
    }
    file.ignore(64, '\n');
  }
  return 0;
}

} // namespace

Buffer::Buffer(std::size_t bytes, Place place) : bytes_(bytes), place_(place) {
  if (bytes == 0) {
    return;
  }
  auto const what = "cannot take " + std::to_string(bytes) + " bytes";
  switch (place) {
  case Place::host:
    data_ = ::operator new(bytes, alignment);
    break;
  case Place::pinned:
    cuda::check(cudaMallocHost(&data_, bytes), what + " of pinned memory");
    break;
  case Place::device:
    cuda::check(cudaMalloc(&data_, bytes), what + " of device memory");
    break;
  }
}

Buffer::~Buffer() {
  if (data_ == nullptr) {
    return;
  }
  switch (place_) {
  case Place::host:
    ::operator delete(data_, alignment);
    break;
  case Place::pinned:
    cudaFreeHost(data_);
    break;
  case Place::device:
    cudaFree(data_);
    break;
  }
}

void copy_async(void* to, void const* from, std::size_t bytes, StreamView stream) {
  cuda::check(
      cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, static_cast<cudaStream_t>(stream.handle)),
      "cannot copy between host and device");
}

MemoryInfo memory_of(Device const& device) {
  if (!device.is_cuda) {
    return {meminfo("MemTotal"), meminfo("MemAvailable")};
  }
  std::size_t available = 0;
  std::size_t total = 0;
  cuda::check(cudaMemGetInfo(&available, &total), "cannot ask the GPU for its memory");
  return {static_cast<std::int64_t>(total), static_cast<std::int64_t>(available)};
}

} // namespace fod
