#pragma once

#include "fod/device.hpp"

#include <cublas_v2.h>

#include <cstdint>
#include <memory>

namespace fod::cuda {

/// Products on the GPU in plain float32 (no TF32), the same bits at every call: cuBLAS with a
/// workspace of its own.
class Blas {
public:
  Blas();
  ~Blas();
  Blas(Blas const&) = delete;
  Blas& operator=(Blas const&) = delete;

  /// That of this process.
  static std::shared_ptr<Blas> shared();

  /// product (rows, width - first), row-major, = the rows from `first` on of P^T P, from the column
  /// of the diagonal on, of packed P (count, width). Queued on `stream`.
  void rows_of_square(float const* packed, std::int64_t count, std::int64_t width,
                      std::int64_t first, std::int64_t rows, float* product, StreamView stream);

private:
  cublasHandle_t handle_ = nullptr;
  Buffer workspace_;
};

} // namespace fod::cuda
