#pragma once

#include <array>
#include <cstdint>

namespace fod::events {

/// A sum of finite doubles without any rounding: digits of 32 bits over the whole range of doubles
/// (a long accumulator after Kulisch), so the order of its terms does not matter.
class ExactSum {
public:
  static constexpr int lowest = -1088; ///< exponent of the first digit's unit; 2^-1074 fits
  static constexpr std::size_t digits = 68;

  void add(double value);
  void add(ExactSum const& other);
  void subtract(ExactSum const& other);
  /// Carries, so that the digits are those of the number alone: in [0, 2^32), but the last, which
  /// has the sign.
  void canonicalise();
  [[nodiscard]] long double value() const;

  /// Calls `visit(std::int64_t&)` with each digit. Those of canonical sums can be added.
  template <class Visit>
  void for_digits(Visit visit) {
    for (auto& digit : digits_) {
      visit(digit);
    }
  }

private:
  std::array<std::int64_t, digits> digits_{};
  std::int64_t pending_ = 0; ///< terms since the last carry
};

} // namespace fod::events
