#include "libraries.hpp"

#include "fod/error.hpp"

#include <dlfcn.h>
#include <string>

namespace fod::cuda {

namespace {

constexpr char const* torch_part = "libtorch_cuda.so"; // with cuBLAS and, but for some builds, NCCL
constexpr char const* nccl = "libnccl.so.2";
constexpr char const* remedy = "use a LibTorch built for CUDA, or --device cpu";

std::string loader_text() {
  auto const* text = dlerror();
  return text == nullptr ? "the loader gave no reason" : text;
}

void* open_torch_part() {
  auto* const library = dlopen(torch_part, RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    throw run_failure("cannot load what LibTorch needs on a GPU", loader_text(), remedy);
  }
  dlopen(nccl, RTLD_NOW | RTLD_GLOBAL); // missed only where it is used
  return library;
}

} // namespace

void load_libraries() {
  static auto* const library = open_torch_part(); // never unloaded: operators are registered
  static_cast<void>(library);
}

void* detail::symbol(char const* name) {
  load_libraries();
  auto* const found = dlsym(RTLD_DEFAULT, name);
  if (found == nullptr) {
    throw run_failure(std::string("no library has ") + name, loader_text(), remedy);
  }
  return found;
}

} // namespace fod::cuda
