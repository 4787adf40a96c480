#pragma once

#include <cstdint>

/// Who computes a row. A body takes its entries from `first()` in steps of `step()`, and puts what
/// it found together with the others of the row.
/// FOD_SIDES says where: who includes this defines it, as nothing on the host.
namespace fod::row {

/// The largest probability seen and its class.
template <class Real>
struct BestOf {
  Real value = -1;
  std::int32_t index = 0;

  FOD_SIDES void offer(Real other, std::int32_t at) {
    if (other > value || (other == value && at < index)) {
      value = other;
      index = at;
    }
  }
};
using Best = BestOf<float>;

/// On the host one thread takes the whole row.
struct Alone {
  FOD_SIDES static std::int64_t first() { return 0; }
  FOD_SIDES static std::int64_t step() { return 1; }
  template <class T>
  FOD_SIDES static T sum(T value) {
    return value;
  }
  template <class T>
  FOD_SIDES static T max(T value) {
    return value;
  }
  FOD_SIDES static bool any(bool value) { return value; }
  template <class Real>
  FOD_SIDES static BestOf<Real> best(BestOf<Real> value) {
    return value;
  }
  FOD_SIDES static void meet() {}
  FOD_SIDES static std::int64_t before(bool /*flag*/) { return 0; }
  FOD_SIDES static std::int64_t total(bool flag) { return flag ? 1 : 0; }
};

} // namespace fod::row
