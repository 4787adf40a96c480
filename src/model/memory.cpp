#include "memory.hpp"

#include "fod/text.hpp"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

namespace fod::torch_support {

bool is_out_of_memory(std::exception const& error) {
  if (dynamic_cast<c10::OutOfMemoryError const*>(&error) != nullptr ||
      dynamic_cast<std::bad_alloc const*>(&error) != nullptr) {
    return true;
  }
  constexpr std::array<std::string_view, 7> phrases{
      "out of memory", "OutOfMemory",        "can't allocate memory",     "not enough memory",
      "MemoryError",   "RESOURCE_EXHAUSTED", "CUBLAS_STATUS_ALLOC_FAILED"};
  std::string_view const text = error.what();
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
    return text.find(phrase) != std::string_view::npos;
  });
}

void release_cached_memory(Device const& device) {
  if (device.is_cuda) {
    c10::cuda::CUDACachingAllocator::emptyCache();
  }
}

std::string memory_state(Device const& device) {
  auto const memory = memory_of(device);
  return byte_size(memory.available) + " of " + byte_size(memory.total) + " are free on " +
         device.label();
}

} // namespace fod::torch_support
