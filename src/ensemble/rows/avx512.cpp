#include "variants.hpp"

#include "body.hpp"

#include <immintrin.h>

namespace fod::rows {
namespace {

struct Isa {
  using Floats = __m512;
  using Doubles = __m512d;
  struct Parts {
    Floats exponent;
    Floats mantissa;
  };
  static constexpr int lanes = 16;
  using Every = Indices<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>;

  static Floats all(float value) { return _mm512_set1_ps(value); }
  static Doubles all_doubles(double value) { return _mm512_set1_pd(value); }
  static Floats load(float const* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Floats value) { _mm512_storeu_ps(to, value); }
  /// Of the first `count`, perhaps more than there are lanes; the others are `other`.
  static Floats load(float const* from, std::int64_t count, float other) {
    return _mm512_mask_loadu_ps(all(other), first(count), from);
  }
  static void store(float* to, std::int64_t count, Floats value) {
    _mm512_mask_storeu_ps(to, first(count), value);
  }
  static Doubles load_doubles(double const* from) { return _mm512_loadu_pd(from); }
  static void store_doubles(double* to, Doubles value) { _mm512_storeu_pd(to, value); }
  static Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  /// a > b ? a : b, of which GCC makes two instructions
  // NOLINTNEXTLINE(portability-simd-intrinsics)
  static Floats larger(Floats a, Floats b) { return _mm512_max_ps(a, b); }
  /// The lowest eight bits as those of an exponent.
  static Floats exponent_bits(Floats value) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(value), 23));
  }
  /// a * b, or 0 where d < limit.
  static Floats product_unless_below(Floats d, float limit, Floats a, Floats b) {
    return _mm512_maskz_mul_ps(_mm512_cmp_ps_mask(d, all(limit), _CMP_NLT_UQ), a, b);
  }
  /// a * b, or 0 unless p > 0.
  static Floats product_where_positive(Floats p, Floats a, Floats b) {
    return _mm512_maskz_mul_ps(_mm512_cmp_ps_mask(p, all(0), _CMP_GT_OQ), a, b);
  }
  static Floats where_equal(Floats a, Floats b, Floats value, Floats otherwise) {
    return _mm512_mask_mov_ps(otherwise, _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ), value);
  }
  /// One bit per lane.
  static unsigned equal(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
  static unsigned less(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  static Parts split(Floats p) {
    auto const mantissa = _mm512_getmant_ps(p, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src);
    // A mantissa in [1.5, 2) counts to the next exponent; so it does when multiplied by 4 / 3, to
    // which this product is near enough for any p.
    return {_mm512_getexp_ps(p * all(4.0F / 3)), mantissa};
  }
  static Doubles low(Floats value) { return _mm512_cvtps_pd(_mm512_castps512_ps256(value)); }
  static Doubles high(Floats value) {
    return _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(value), 1)));
  }
  static Floats narrow(Doubles low, Doubles high) {
    auto const lower = _mm512_castpd256_pd512(_mm256_castps_pd(_mm512_cvtpd_ps(low)));
    return _mm512_castpd_ps(_mm512_insertf64x4(lower, _mm256_castps_pd(_mm512_cvtpd_ps(high)), 1));
  }
  static Floats from_float16(std::uint16_t const* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<__m256i const*>(from)));
  }
  static Floats from_bfloat16(std::uint16_t const* from) {
    auto const bits = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }

private:
  static __mmask16 first(std::int64_t count) {
    return count < lanes ? static_cast<__mmask16>((1U << count) - 1) : __mmask16{0xffff};
  }
};

} // namespace

Kernels const avx512 = Body<Isa>::kernels("AVX-512");

} // namespace fod::rows
