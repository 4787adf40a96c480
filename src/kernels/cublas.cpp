#include "cublas.hpp"

#include "../device/libraries.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <mutex>

namespace fod::cuda {

namespace {

/// What cuBLAS asks for on the newest GPUs.
constexpr std::size_t workspace_bytes = std::size_t{32} << 20;
/// Samples whose products are summed in one call, before partial sums are added: longer sums in
/// float32 lose digits.
constexpr std::int64_t chunk = 512;

/// cuBLAS, loaded when the first product is asked for.
struct Library {
  decltype(cublasGetStatusString)* text =
      function<decltype(cublasGetStatusString)>("cublasGetStatusString");
  decltype(cublasCreate_v2)* create = function<decltype(cublasCreate_v2)>("cublasCreate_v2");
  decltype(cublasDestroy_v2)* destroy = function<decltype(cublasDestroy_v2)>("cublasDestroy_v2");
  decltype(cublasSetMathMode)* set_math_mode =
      function<decltype(cublasSetMathMode)>("cublasSetMathMode");
  decltype(cublasSetAtomicsMode)* set_atomics_mode =
      function<decltype(cublasSetAtomicsMode)>("cublasSetAtomicsMode");
  decltype(cublasSetStream_v2)* set_stream =
      function<decltype(cublasSetStream_v2)>("cublasSetStream_v2");
  decltype(cublasSetWorkspace_v2)* set_workspace =
      function<decltype(cublasSetWorkspace_v2)>("cublasSetWorkspace_v2");
  decltype(cublasSgemm_v2_64)* sgemm = function<decltype(cublasSgemm_v2_64)>("cublasSgemm_v2_64");
};

Library const& library() {
  static Library const functions;
  return functions;
}

void check(cublasStatus_t status, char const* what) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    throw run_failure(what, std::string("cuBLAS: ") + library().text(status));
  }
}

} // namespace

Blas::Blas() : workspace_(workspace_bytes, Buffer::Place::device) {
  check(library().create(&handle_), "cannot start cuBLAS");
  check(library().set_math_mode(handle_, CUBLAS_PEDANTIC_MATH), "cannot start cuBLAS");
  check(library().set_atomics_mode(handle_, CUBLAS_ATOMICS_NOT_ALLOWED), "cannot start cuBLAS");
}

Blas::~Blas() {
  if (handle_ != nullptr) {
    library().destroy(handle_);
  }
}

std::shared_ptr<Blas> Blas::shared() {
  static std::mutex mutex;
  static std::weak_ptr<Blas> latest;
  std::lock_guard const lock(mutex);
  auto blas = latest.lock();
  if (blas == nullptr) {
    blas = std::make_shared<Blas>();
    latest = blas;
  }
  return blas;
}

void Blas::rows_of_square(float const* packed, std::int64_t count, std::int64_t width,
                          std::int64_t first, std::int64_t rows, float* product,
                          StreamView stream) {
  check(library().set_stream(handle_, static_cast<cudaStream_t>(stream.handle)), "cuBLAS failed");
  // Setting the stream gives the workspace back.
  check(library().set_workspace(handle_, workspace_.data(), workspace_.bytes()), "cuBLAS failed");
  float const one = 1;
  for (std::int64_t k = 0; k < count; k += chunk) {
    float const kept = k == 0 ? 0 : 1;
    // cuBLAS counts by columns: to it, packed is (width, count) and product (width - first, rows).
    float const* part = packed + k * width + first;
    check(library().sgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_T, width - first, rows,
                          std::min(chunk, count - k), &one, part, width, part, width, &kept,
                          product, width - first),
          "a product on the GPU failed");
  }
}

} // namespace fod::cuda
