#pragma once

#include "fod/device.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cuda_runtime.h>
#include <vector>

/// What the tests of both twins share.
namespace job_support {

inline bool has_gpu() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
}

/// The CPU, and a GPU where there is one; a warning says that it is left out.
inline std::vector<fod::Device> devices() {
  std::vector<fod::Device> all{{false, -1, "CPU", {}}};
  if (has_gpu()) {
    all.push_back({true, 0, "GPU", {}});
  } else {
    WARN("GPU tests are skipped: there is no GPU");
  }
  return all;
}

/// Values where the device computes.
template <class T>
fod::Buffer on_device(fod::Device const& device, std::vector<T> const& values) {
  fod::Buffer buffer(values.size() * sizeof(T),
                     device.is_cuda ? fod::Buffer::Place::device : fod::Buffer::Place::host);
  if (!values.empty() && device.is_cuda) {
    fod::copy_async(buffer.data(), values.data(), values.size() * sizeof(T), {});
  } else {
    std::copy(values.begin(), values.end(), buffer.as<T>().begin());
  }
  return buffer;
}

} // namespace job_support
