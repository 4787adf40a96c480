#include "fod/group_evidence.hpp"

#include <array>
#include <cmath>

namespace fod::groups {

namespace {

/// Coefficients of x^7, x^6, … 1.
using Polynomial = std::array<double, 8>;

double evaluate(Polynomial const& coefficients, double x) {
  double value = 0;
  for (auto const coefficient : coefficients) {
    value = value * x + coefficient;
  }
  return value;
}

// Of PPND16 in AS 241: near the middle, in the tails, and far out.
constexpr Polynomial middle_above{2.5090809287301226727e3, 3.3430575583588128105e4,
                                  6.7265770927008700853e4, 4.5921953931549871457e4,
                                  1.3731693765509461125e4, 1.9715909503065514427e3,
                                  1.3314166789178437745e2, 3.3871328727963666080e0};
constexpr Polynomial middle_below{5.2264952788528545610e3, 2.8729085735721942674e4,
                                  3.9307895800092710610e4, 2.1213794301586595867e4,
                                  5.3941960214247511077e3, 6.8718700749205790830e2,
                                  4.2313330701600911252e1, 1.0};
constexpr Polynomial tail_above{7.74545014278341407640e-4, 2.27238449892691845833e-2,
                                2.41780725177450611770e-1, 1.27045825245236838258e0,
                                3.64784832476320460504e0,  5.76949722146069140550e0,
                                4.63033784615654529590e0,  1.42343711074968357734e0};
constexpr Polynomial tail_below{1.05075007164441684324e-9, 5.47593808499534494600e-4,
                                1.51986665636164571966e-2, 1.48103976427480074590e-1,
                                6.89767334985100004550e-1, 1.67638483018380384940e0,
                                2.05319162663775882187e0,  1.0};
constexpr Polynomial far_above{2.01033439929228813265e-7, 2.71155556874348757815e-5,
                               1.24266094738807843860e-3, 2.65321895265761230930e-2,
                               2.96560571828504891230e-1, 1.78482653991729133580e0,
                               5.46378491116411436990e0,  6.65790464350110377720e0};
constexpr Polynomial far_below{2.04426310338993978564e-15, 1.42151175831644588870e-7,
                               1.84631831751005468180e-5,  7.86869131145613259100e-4,
                               1.48753612908506148525e-2,  1.36929880922735805310e-1,
                               5.99832206555887937690e-1,  1.0};

} // namespace

double upper_normal_quantile(double probability) {
  constexpr double middle = 0.425;
  auto const q = 0.5 - probability;
  if (std::abs(q) <= middle) {
    auto const x = middle * middle - q * q;
    return q * evaluate(middle_above, x) / evaluate(middle_below, x);
  }
  constexpr double tail_end = 5;
  auto const x = std::sqrt(-std::log(q < 0 ? 1 - probability : probability));
  auto const quantile = x <= tail_end
                            ? evaluate(tail_above, x - 1.6) / evaluate(tail_below, x - 1.6)
                            : evaluate(far_above, x - tail_end) / evaluate(far_below, x - tail_end);
  return q < 0 ? -quantile : quantile;
}

double chance_bound(std::int64_t samples, std::int64_t pairs, double probability) {
  if (pairs <= 0) {
    return 0;
  }
  if (samples <= 3) {
    return 1;
  }
  // One pair's share of the probability, 1 - (1 - p)^(1 / pairs), without cancellation.
  auto const share = -std::expm1(std::log1p(-probability) / static_cast<double>(pairs));
  auto const z = upper_normal_quantile(share / 2);
  return std::tanh(z / std::sqrt(static_cast<double>(samples - 3)));
}

} // namespace fod::groups
