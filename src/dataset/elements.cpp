#include "fod/elements.hpp"

#include <bit>
#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <utility>

namespace fod {

namespace {

template <class T>
T element(std::byte const* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

double from_half(std::uint16_t bits) {
  int const exponent = bits >> 10 & 0x1f;
  double const fraction = bits & 0x3ff;
  double magnitude = 0;
  if (exponent == 0x1f) {
    magnitude = fraction == 0 ? std::numeric_limits<double>::infinity()
                              : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(fraction, -24);
  } else {
    magnitude = std::ldexp(1024 + fraction, exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

double from_bfloat16(std::uint16_t bits) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
}

Stored integer(std::integral auto value) {
  bool const fits = std::in_range<std::int64_t>(value);
  return {fits ? std::optional(static_cast<std::int64_t>(value)) : std::nullopt,
          static_cast<double>(value)};
}

Stored floating(double value) {
  constexpr double limit = 9223372036854775808.0; // 2^63
  bool const fits = std::trunc(value) == value && value >= -limit && value < limit;
  return {fits ? std::optional(static_cast<std::int64_t>(value)) : std::nullopt, value};
}

} // namespace

Stored stored(ElementType type, std::byte const* at) {
  switch (type) {
  case ElementType::boolean:
  case ElementType::uint8:
    return integer(element<std::uint8_t>(at));
  case ElementType::int8:
    return integer(element<std::int8_t>(at));
  case ElementType::int16:
    return integer(element<std::int16_t>(at));
  case ElementType::int32:
    return integer(element<std::int32_t>(at));
  case ElementType::int64:
    return integer(element<std::int64_t>(at));
  case ElementType::uint16:
    return integer(element<std::uint16_t>(at));
  case ElementType::uint32:
    return integer(element<std::uint32_t>(at));
  case ElementType::uint64:
    return integer(element<std::uint64_t>(at));
  case ElementType::float16:
    return floating(from_half(element<std::uint16_t>(at)));
  case ElementType::bfloat16:
    return floating(from_bfloat16(element<std::uint16_t>(at)));
  case ElementType::float32:
    return floating(static_cast<double>(element<float>(at)));
  case ElementType::float64:
    return floating(element<double>(at));
  }
  return {};
}

} // namespace fod
