#pragma once

#include <cstdint>
#include <limits>

/// Inside of the metrics module: sums that do not depend on the order of their terms.
namespace fod::metrics {

/// Adds numbers below 2^62 as integers in units of 2^-64: exact but for the rounding of each term
/// below that, so that any number of threads gives the same bits.
class ExactSum {
public:
  void add(double value) { sum_ += static_cast<Wide>(value * unit); }
  void add(ExactSum const& other) { sum_ += other.sum_; }
  [[nodiscard]] double value() const { return static_cast<double>(wide()); }
  /// NaN of nothing.
  [[nodiscard]] double mean(std::int64_t count) const {
    return count > 0 ? static_cast<double>(wide() / static_cast<long double>(count))
                     : std::numeric_limits<double>::quiet_NaN();
  }

private:
  __extension__ using Wide = __int128;
  static constexpr double unit = 0x1p64;
  [[nodiscard]] long double wide() const {
    return static_cast<long double>(sum_) / static_cast<long double>(unit);
  }

  Wide sum_ = 0;
};

} // namespace fod::metrics
