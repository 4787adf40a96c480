#include "fod/large_bytes.hpp"

#include <cstdint>
#include <sys/mman.h>

namespace fod {

std::string large_bytes(std::size_t size) {
  constexpr std::size_t page = std::size_t{2} << 20;
  std::string bytes;
  bytes.reserve(size);
  auto const begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  auto const first = (begin + page - 1) / page * page;
  auto const last = (begin + size) / page * page;
  if (first < last) {
    madvise(bytes.data() + (first - begin), last - first, MADV_HUGEPAGE); // or small pages
  }
  bytes.resize(size);
  return bytes;
}

} // namespace fod
