#pragma once

#include "../rows.hpp"

#include "fod/ensemble.hpp"

/// Exponential and logarithm of vectors, with fused products and sums, so that every instruction
/// set rounds alike. The method is the usual one (Cody and Waite, "Software Manual for the
/// Elementary Functions", 1980): the exponent's integer part is split off exactly, a polynomial of
/// least largest relative error does the rest, evaluated by Horner's rule.
///
/// This and what it is included by is compiled once per instruction set. Nothing here may be shared
/// with other files (hence no function of the standard library): the linker would keep one copy,
/// which an older processor might not know.
namespace fod::rows {
namespace {

/// Numbers of lanes, for shuffles.
template <int... Index>
struct Indices {};

/// Below this an exponential adds nothing to a float32, be it the smallest, and is taken as 0.
constexpr float least_exponent = -110.0F;

/// 2^64 e^d for d <= 0, within 0.9 units in the last place; NaN for NaN. The factor keeps those
/// that count beside a largest one of 1 from being subnormal, which costs time and digits.
template <class Isa>
[[gnu::always_inline]] inline typename Isa::Floats exponential(typename Isa::Floats d) {
  constexpr float log2_e = 0x1.715476p+0F;
  constexpr float ln2_high = 0x1.62e43p-1F;
  constexpr float ln2_low = -0x1.05c61p-29F;
  // Adding this rounds to an integer n and leaves n + 127 + 64 in the lowest bits.
  constexpr float magic = 0x1.8p23F + 127 + 64;
  auto const shifted = Isa::fma(d, Isa::all(log2_e), Isa::all(magic));
  auto const n = shifted - Isa::all(magic);
  auto r = Isa::fma(n, Isa::all(-ln2_high), d);
  r = Isa::fma(n, Isa::all(-ln2_low), r);
  // e^r on |r| <= ln(2) / 2, to 3e-9
  auto value = Isa::fma(Isa::all(0.0013821223F), r, Isa::all(0.008368667F));
  value = Isa::fma(value, r, Isa::all(0.04166826F));
  value = Isa::fma(value, r, Isa::all(0.16666521F));
  value = Isa::fma(value, r, Isa::all(0.49999994F));
  value = Isa::fma(value, r, Isa::all(1));
  value = Isa::fma(value, r, Isa::all(1));
  return Isa::product_unless_below(d, least_exponent, value, Isa::exponent_bits(shifted));
}

/// That of 0; no other is larger.
constexpr float largest_power = 0x1p64F;

/// log2 p for p > 0, within 2.3 units in the last place; anything for other p.
template <class Isa>
[[gnu::always_inline]] inline typename Isa::Floats log2_of(typename Isa::Floats p) {
  auto const parts = Isa::split(p); // p = 2^exponent * mantissa, which is in [0.75, 1.5)
  auto const f = parts.mantissa - Isa::all(1);
  // log2(1 + f) / f on [-0.25, 0.5], to 3e-8
  auto value = Isa::fma(Isa::all(0.07885824F), f, Isa::all(-0.1748882F));
  value = Isa::fma(value, f, Isa::all(0.2162797F));
  value = Isa::fma(value, f, Isa::all(-0.24258694F));
  value = Isa::fma(value, f, Isa::all(0.288179F));
  value = Isa::fma(value, f, Isa::all(-0.360584F));
  value = Isa::fma(value, f, Isa::all(0.48090297F));
  value = Isa::fma(value, f, Isa::all(-0.72134835F));
  value = Isa::fma(value, f, Isa::all(1.442695F));
  return Isa::fma(value, f, parts.exponent);
}

/// p log2 p where p > 0, else 0.
template <class Isa>
[[gnu::always_inline]] inline typename Isa::Floats p_log2_p(typename Isa::Floats p) {
  return Isa::product_where_positive(p, p, log2_of<Isa>(p));
}

constexpr double ln2 = 0x1.62e42fefa39efp-1;

} // namespace
} // namespace fod::rows
