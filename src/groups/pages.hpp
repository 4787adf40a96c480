#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <sys/mman.h>

namespace fod::groups {

inline constexpr std::size_t large_page = std::size_t{1} << 21U;

struct FreePages {
  void operator()(double* values) const {
    ::operator delete (values, std::align_val_t{large_page});
  }
};
using Pages = std::unique_ptr<double[], FreePages>;

/// Numbers not set to anything, on large pages where the system gives them: they are read across
/// rows, each in a page of its own otherwise. What is never reached takes no memory.
inline Pages pages(std::int64_t count) {
  auto const used = static_cast<std::size_t>(count) * sizeof(double);
  auto const bytes = (used / large_page + 1) * large_page;
  Pages values(static_cast<double*>(::operator new (bytes, std::align_val_t{large_page})));
  madvise(values.get(), bytes, MADV_HUGEPAGE); // a wish: without it all works, only slower
  return values;
}

} // namespace fod::groups
