#pragma once

#include <cstdint>
#include <span>

/// What is computed for every row of a result on the CPU. Everything is written once
/// (rows/body.hpp) and compiled for several instruction sets, of which the best that the processor
/// has is taken at run time. No result depends on which: each sum has one order of additions, that
/// the number of classes alone decides, and a product is fused with a sum where the code says so
/// and nowhere else. Nor does it depend on a row's neighbours.
namespace fod::rows {

/// What rows say of themselves.
struct Described {
  double* entropy = nullptr;          ///< - sum p ln p, in nats, over p > 0
  float* confidence = nullptr;        ///< largest p; -1 if no p is larger
  std::int32_t* prediction = nullptr; ///< its class, the lowest among equals

  /// From a row on.
  [[nodiscard, gnu::always_inline]] Described from(std::int64_t row) const {
    return {entropy + row, confidence + row, prediction + row};
  }
};

/// What tells a distribution from other rows.
struct Sums {
  double all = 0;
  double positive = 0;  ///< of the positive entries
  bool outside = false; ///< an entry is outside of [0, 1] by more than the tolerance
};

struct Kernels {
  char const* name = nullptr;
  void (*widen_float16)(std::uint16_t const* from, std::int64_t count, float* to) = nullptr;
  void (*widen_bfloat16)(std::uint16_t const* from, std::int64_t count, float* to) = nullptr;
  /// p = softmax(factor * x) of each row; `p` may be `x`. A row that has no finite sum of
  /// exponentials becomes NaN and gets the flag `row_nonfinite`, others get 0.
  /// @param to if not null, the same as `describe` of p
  void (*softmax)(float const* x, std::int64_t rows, std::int64_t classes, float factor, float* p,
                  std::uint8_t* flags, Described const* to) = nullptr;
  /// The same in float64 up to the reduction of the exponent.
  void (*softmax_wide)(double const* x, std::int64_t rows, std::int64_t classes, double factor,
                       float* p, std::uint8_t* flags, Described const* to) = nullptr;
  void (*describe)(float const* p, std::int64_t rows, std::int64_t classes,
                   Described const& to) = nullptr;
  /// Of one row. NaN counts as outside of nothing, and spoils the sums.
  Sums (*add_up)(float const* p, std::int64_t classes, float tolerance) = nullptr;
  /// to[i] = sum of weights[m] * from[m * stride + i], in float64, in the order of the members.
  void (*mean)(float const* from, std::int64_t stride, std::int64_t members, double const* weights,
               std::int64_t count, float* to) = nullptr;
};

/// All that this processor can run, the best first.
std::span<Kernels const* const> available();

/// The best of them.
inline Kernels const& best() {
  return *available().front();
}

} // namespace fod::rows
