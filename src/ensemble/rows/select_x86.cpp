#include "variants.hpp"

#include <vector>

namespace fod::rows {

std::span<Kernels const* const> available() {
  static std::vector<Kernels const*> const found = [] {
    // int to GCC, bool to Clang
    bool const vectors = static_cast<bool>(__builtin_cpu_supports("avx2")) &&
                         static_cast<bool>(__builtin_cpu_supports("fma")) &&
                         static_cast<bool>(__builtin_cpu_supports("f16c"));
    std::vector<Kernels const*> all;
    if (vectors && static_cast<bool>(__builtin_cpu_supports("avx512f"))) {
      all.push_back(&avx512);
    }
    if (vectors) {
      all.push_back(&avx2);
    }
    all.push_back(&generic);
    return all;
  }();
  return found;
}

} // namespace fod::rows
