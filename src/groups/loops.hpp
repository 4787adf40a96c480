#pragma once

#include "fod/groups.hpp"

#include <cstdint>
#include <span>

/// The loops where the time goes, compiled for several vector widths; the widest that the processor
/// has is taken at run time. No sum runs across lanes and no product is fused into a sum, so all
/// give the same bytes.
namespace fod::groups::loops {

/// Distance that stands for "none": larger than any, and finite, as these loops ask for.
inline constexpr double far = 1e300;

/// Number of entries with |value| >= threshold.
std::int64_t count_at_least(double const* values, std::int64_t n, double threshold);
/// counts[i] -= |values[i]| >= threshold.
void discount_at_least(double const* values, std::int64_t n, double threshold,
                       std::int64_t* counts);

/// sums[i] += k(rows[0][i]), then k(rows[1][i]), ….
void add_rows(std::span<double const* const> rows, std::int64_t n, Kernel kernel, double* sums);
/// sums[i] -= k(row[i]).
void subtract_row(double const* row, std::int64_t n, Kernel kernel, double* sums);

/// Where offset - factor * sums[i] is less than best[i], and own[i] is another cluster: that
/// becomes best[i], and the cluster label[i].
void offer_cluster(double const* sums, std::int64_t n, double offset, double factor,
                   std::int32_t cluster, std::int32_t const* own, double* best,
                   std::int32_t* label);

/// out[j] = the lesser of closest[j] and the squared distance 2 - 2 k(row[j]), which is at least 0.
/// Returns the sum, in eight parts that are added at the end.
double offer_center(double const* row, Kernel kernel, double const* closest, std::int64_t n,
                    double* out);

/// out[j] = 1 - |r[j]|.
void distances(double const* r, std::int64_t n, double* out);

struct Least {
  double value = far;
  std::int64_t index = -1; ///< the lowest of that value
};
/// Least of values[j] + penalty[j].
Least least(double const* values, double const* penalty, std::int64_t n);

/// out[j] = (nx x[j] + ny y[j]) / (nx + ny), as scipy rounds it; `out` may be x or y.
void weighted_mean(double const* x, double const* y, double nx, double ny, std::int64_t n,
                   double* out);

/// Sum of (a[j] - b[j])^2, in eight parts that are added at the end.
double squared_distance(double const* a, double const* b, std::int64_t n);

} // namespace fod::groups::loops
