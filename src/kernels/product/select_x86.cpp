#include "variants.hpp"

#include <vector>

namespace fod::product {

std::span<Kernels const* const> available() {
  static std::vector<Kernels const*> const found = [] {
    std::vector<Kernels const*> all;
    // int to GCC, bool to Clang
    if (static_cast<bool>(__builtin_cpu_supports("avx512f")) &&
        static_cast<bool>(__builtin_cpu_supports("avx512dq"))) {
      all.push_back(&avx512);
    }
    if (static_cast<bool>(__builtin_cpu_supports("avx2")) &&
        static_cast<bool>(__builtin_cpu_supports("fma"))) {
      all.push_back(&avx2);
    }
    all.push_back(&generic);
    return all;
  }();
  return found;
}

} // namespace fod::product
