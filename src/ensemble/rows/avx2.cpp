#include "variants.hpp"

#include "body.hpp"

#include <immintrin.h>

namespace fod::rows {
namespace {

struct Isa {
  using Floats = __m256;
  using Doubles = __m256d;
  using Integers = std::int32_t __attribute__((vector_size(32)));
  using Words = std::uint32_t __attribute__((vector_size(32)));
  struct Parts {
    Floats exponent;
    Floats mantissa;
  };
  static constexpr int lanes = 8;
  using Every = Indices<0, 1, 2, 3, 4, 5, 6, 7>;

  static Floats all(float value) { return _mm256_set1_ps(value); }
  static Doubles all_doubles(double value) { return _mm256_set1_pd(value); }
  static Floats load(float const* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, Floats value) { _mm256_storeu_ps(to, value); }
  /// Of the first `count`, perhaps more than there are lanes; the others are `other`.
  static Floats load(float const* from, std::int64_t count, float other) {
    auto const mask = first(count);
    return _mm256_blendv_ps(all(other), _mm256_maskload_ps(from, mask), _mm256_castsi256_ps(mask));
  }
  static void store(float* to, std::int64_t count, Floats value) {
    _mm256_maskstore_ps(to, first(count), value);
  }
  static Doubles load_doubles(double const* from) { return _mm256_loadu_pd(from); }
  static void store_doubles(double* to, Doubles value) { _mm256_storeu_pd(to, value); }
  static Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  /// a > b ? a : b, of which GCC makes two instructions
  // NOLINTNEXTLINE(portability-simd-intrinsics)
  static Floats larger(Floats a, Floats b) { return _mm256_max_ps(a, b); }
  /// The lowest eight bits as those of an exponent.
  static Floats exponent_bits(Floats value) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(value), 23));
  }
  /// a * b, or 0 where d < limit.
  static Floats product_unless_below(Floats d, float limit, Floats a, Floats b) {
    return _mm256_and_ps(_mm256_cmp_ps(d, all(limit), _CMP_NLT_UQ), a * b);
  }
  /// a * b, or 0 unless p > 0.
  static Floats product_where_positive(Floats p, Floats a, Floats b) {
    return _mm256_and_ps(_mm256_cmp_ps(p, all(0), _CMP_GT_OQ), a * b);
  }
  static Floats where_equal(Floats a, Floats b, Floats value, Floats otherwise) {
    return _mm256_blendv_ps(otherwise, value, _mm256_cmp_ps(a, b, _CMP_EQ_OQ));
  }
  /// One bit per lane.
  static unsigned equal(Floats a, Floats b) {
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ)));
  }
  static unsigned less(Floats a, Floats b) {
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ)));
  }
  static Parts split(Floats p) {
    auto const small = _mm256_cmp_ps(p, all(0x1p-126F), _CMP_LT_OQ); // subnormal
    auto const bits = reinterpret_cast<Words>(_mm256_blendv_ps(p, p * all(0x1p32F), small));
    auto const exponent =
        reinterpret_cast<Integers>(bits - reinterpret_cast<Words>(all(0.75F))) >> 23;
    auto const mantissa = bits - (reinterpret_cast<Words>(exponent) << 23);
    return {__builtin_convertvector(exponent, Floats) - _mm256_and_ps(small, all(32)),
            reinterpret_cast<Floats>(mantissa)};
  }
  static Doubles low(Floats value) { return _mm256_cvtps_pd(_mm256_castps256_ps128(value)); }
  static Doubles high(Floats value) { return _mm256_cvtps_pd(_mm256_extractf128_ps(value, 1)); }
  static Floats narrow(Doubles low, Doubles high) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(low)), _mm256_cvtpd_ps(high),
                                1);
  }
  static Floats from_float16(std::uint16_t const* from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<__m128i const*>(from)));
  }
  static Floats from_bfloat16(std::uint16_t const* from) {
    auto const bits = _mm_loadu_si128(reinterpret_cast<__m128i const*>(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }

private:
  static __m256i first(std::int64_t count) {
    auto const some = _mm256_set1_epi32(static_cast<int>(count < lanes ? count : lanes));
    return _mm256_cmpgt_epi32(some, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

} // namespace

Kernels const avx2 = Body<Isa>::kernels("AVX2");

} // namespace fod::rows
