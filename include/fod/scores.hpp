#pragma once

#include <cstdint>
#include <span>
#include <vector>

/// What a predicted distribution is worth when the true class is known: the scores and calibration
/// figures that the job, merges and `fod metrics` have in common.
namespace fod::metrics {

/// Bins of the figures in /metrics, as in Guo et al. 2017.
inline constexpr std::int64_t default_bins = 15;

/// Smallest probability whose logarithm is taken: the machine epsilon of float64, as in
/// scikit-learn's `log_loss`. A label that the model gave less counts as if it had this.
inline constexpr double least_probability = 0x1p-52;

/// -ln of a label's probability, in nats, the probability being `least_probability` at least.
double log_loss(double probability);

/// Squared error over all classes, sum_k (p_k - [k = label])^2, in [0, 2] (Brier 1950).
double brier_score(std::span<double const> probabilities, std::int64_t label);

/// Class with the largest value, the lowest among equals. @param values one at least
std::int64_t first_largest(std::span<double const> values);

/// Bin of a confidence, of equal-width bins over [0, 1] that are open below and closed above,
/// (i/bins, (i+1)/bins] (Guo et al. 2017, and their code): 1 is in the last bin. What is not
/// above 0 is in the first, what rounding took above 1 in the last. Edges are i/bins in float64.
std::int64_t bin_of(double confidence, std::int64_t bins);

/// What a bin holds.
struct ReliabilityBin {
  double lower = 0;
  double upper = 0;
  std::int64_t count = 0;
  double mean_confidence = 0; ///< NaN if it is empty
  double accuracy = 0;        ///< NaN if it is empty
};

/// One of `bins` bins. @param confidence sum over its samples
ReliabilityBin reliability_bin(std::int64_t bin, std::int64_t bins, std::int64_t count,
                               std::int64_t correct, double confidence);

/// Differences between accuracy and mean confidence over bins that are not empty.
struct CalibrationError {
  double expected = 0; ///< ECE: weighted by the samples in each bin (Naeini et al. 2015)
  double maximum = 0;  ///< MCE: the largest
};
/// NaN without samples.
CalibrationError calibration_error(std::span<ReliabilityBin const> bins);

} // namespace fod::metrics
