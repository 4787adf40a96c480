#include "variants.hpp"

#include "body.hpp"

namespace fod::rows {
namespace {

/// Four lanes in the compiler's own vectors.
struct Isa {
  using Floats = float __attribute__((vector_size(16)));
  using Integers = std::int32_t __attribute__((vector_size(16)));
  using Words = std::uint32_t __attribute__((vector_size(16)));
  using Doubles = double __attribute__((vector_size(16)));
  using Halves = float __attribute__((vector_size(8)));
  struct Parts {
    Floats exponent;
    Floats mantissa;
  };
  static constexpr int lanes = 4;
  using Every = Indices<0, 1, 2, 3>;

  template <class To, class From>
  [[gnu::always_inline]] static To as(From const& from) {
    To to;
    __builtin_memcpy(&to, &from, sizeof to);
    return to;
  }
  static Floats all(float value) { return Floats{value, value, value, value}; }
  static Doubles all_doubles(double value) { return Doubles{value, value}; }
  static Floats load(float const* from) {
    Floats value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
  }
  static void store(float* to, Floats value) { __builtin_memcpy(to, &value, sizeof value); }
  /// Of the first `count`, perhaps more than there are lanes; the others are `other`.
  static Floats load(float const* from, std::int64_t count, float other) {
    auto value = all(other);
    for (int i = 0; i < lanes && i < count; ++i) {
      value[i] = from[i];
    }
    return value;
  }
  static void store(float* to, std::int64_t count, Floats value) {
    for (int i = 0; i < lanes && i < count; ++i) {
      to[i] = value[i];
    }
  }
  static Doubles load_doubles(double const* from) {
    Doubles value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
  }
  static void store_doubles(double* to, Doubles value) {
    __builtin_memcpy(to, &value, sizeof value);
  }
  /// Exact on every machine; an instruction where there is one.
  static Floats fma(Floats a, Floats b, Floats c) {
    return Floats{__builtin_fmaf(a[0], b[0], c[0]), __builtin_fmaf(a[1], b[1], c[1]),
                  __builtin_fmaf(a[2], b[2], c[2]), __builtin_fmaf(a[3], b[3], c[3])};
  }
  static Floats larger(Floats a, Floats b) { return a > b ? a : b; }
  /// The lowest eight bits as those of an exponent.
  static Floats exponent_bits(Floats value) { return as<Floats>(as<Words>(value) << 23); }
  /// a * b, or 0 where d < limit.
  static Floats product_unless_below(Floats d, float limit, Floats a, Floats b) {
    return d < all(limit) ? Floats{} : a * b;
  }
  /// a * b, or 0 unless p > 0.
  static Floats product_where_positive(Floats p, Floats a, Floats b) {
    return p > Floats{} ? a * b : Floats{};
  }
  static Floats where_equal(Floats a, Floats b, Floats value, Floats otherwise) {
    return a == b ? value : otherwise;
  }
  /// One bit per lane.
  static unsigned equal(Floats a, Floats b) { return bits_of(a == b); }
  static unsigned less(Floats a, Floats b) { return bits_of(a < b); }
  static Parts split(Floats p) {
    Integers const small = p < all(0x1p-126F); // subnormal
    auto const bits = as<Integers>(small ? p * all(0x1p32F) : p);
    auto const exponent = (bits - as<Integers>(all(0.75F))) >> 23;
    auto const mantissa = as<Words>(bits) - (as<Words>(exponent) << 23);
    return {__builtin_convertvector(exponent, Floats) - (small ? all(32) : Floats{}),
            as<Floats>(mantissa)};
  }
  static Doubles low(Floats value) {
    return __builtin_convertvector(__builtin_shufflevector(value, value, 0, 1), Doubles);
  }
  static Doubles high(Floats value) {
    return __builtin_convertvector(__builtin_shufflevector(value, value, 2, 3), Doubles);
  }
  static Floats narrow(Doubles low, Doubles high) {
    return __builtin_shufflevector(__builtin_convertvector(low, Halves),
                                   __builtin_convertvector(high, Halves), 0, 1, 2, 3);
  }
  static Floats from_float16(std::uint16_t const* from) {
    auto const half = Words{from[0], from[1], from[2], from[3]};
    // Exact for subnormal numbers too, which the product makes normal.
    auto const finite = as<Words>(as<Floats>((half & 0x7fffU) << 13) * all(0x1p112F));
    auto const quiet = (half & 0x3ffU) != 0U ? Words{} + 0x400000U : Words{};
    auto const other = ((half & 0x3ffU) << 13) | 0x7f800000U | quiet;
    auto const value = (half & 0x7c00U) == 0x7c00U ? other : finite;
    return as<Floats>(value | ((half & 0x8000U) << 16));
  }
  static Floats from_bfloat16(std::uint16_t const* from) {
    return as<Floats>(Words{from[0], from[1], from[2], from[3]} << 16);
  }

private:
  static unsigned bits_of(Integers mask) {
    auto const bit = as<Words>(mask) & Words{1, 2, 4, 8};
    return bit[0] | bit[1] | bit[2] | bit[3];
  }
};

} // namespace

Kernels const generic = Body<Isa>::kernels("generic");

} // namespace fod::rows
