#pragma once

#include "fod/scores.hpp"
#include "fod/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How good the distributions of a result file are: scores, calibration, uncertainty, distance to
/// true distributions, credal sets, conformal sets. Sums are exact, so that no figure depends on
/// the number of threads. Rows that are marked, or not finite, are left out of all figures.
namespace fod::metrics {

/// Scores of split conformal prediction, of a class k in a distribution p.
enum class ConformalMethod {
  lac,  ///< 1 - p_k (Sadinle, Lei, Wasserman 2019)
  aps,  ///< sum of p over the classes ranked up to k (Romano, Sesia, Candès 2020)
  raps, ///< that + lambda max(0, rank of k - k_reg) (Angelopoulos, Bates, Malik, Jordan 2021)
};
std::string_view name_of(ConformalMethod method);

struct ConformalRequest {
  std::vector<ConformalMethod> methods;
  double alpha = 0.1;       ///< share of sets that may miss the label, above 0, below 1
  double calibration = 0.5; ///< share of the samples that settle the threshold, the same
  std::uint64_t seed = 0;
  bool randomized = false; ///< APS and RAPS count u p_k of the class itself, u uniform per sample
  double lambda = 0.01;
  std::int64_t k_reg = 5;
};

/// What is asked for besides what the file tells by itself.
struct Request {
  std::int64_t bins = default_bins;
  std::string labels;   ///< as --labels of the job, in place of the file's own
  std::string truth;    ///< a result file, JSON, an array (N,K), or "counts"
  bool members = false; ///< the credal set that the file's /members span
  std::string lower;    ///< arrays (N,K) of lower and upper probabilities
  std::string upper;
  std::string vertices;         ///< array (N,V,K)
  std::optional<double> radius; ///< of the total variation ball around the prediction
  double tolerance = 1e-6;      ///< by which a truth may lie outside and count as covered
  ConformalRequest conformal;
  int threads = 1;
};

/// Of a figure over samples. All NaN without samples.
struct Summary {
  double mean = 0;
  double sd = 0; ///< of the population
  double min = 0;
  double q1 = 0; ///< quartiles interpolate linearly, as NumPy's do
  double median = 0;
  double q3 = 0;
  double max = 0;
};

/// What labels allow. NaN where no sample has one.
struct LabelScores {
  std::int64_t samples = 0;
  double accuracy = 0; ///< the largest probability, the lowest class among equals, is the label's
  double mean_confidence = 0;
  double nll = 0;           ///< mean `log_loss`
  std::int64_t clipped = 0; ///< labels that were given less than `least_probability`
  double brier = 0;         ///< mean `brier_score`
  CalibrationError calibration;
  double classwise_ece = 0; ///< mean over classes of the ECE of p_k against [k = label], all
                            ///< samples binned by p_k (Kull et al. 2019)
  std::vector<std::int64_t> class_counts; ///< labels per class
  std::vector<ReliabilityBin> reliability;
};

/// Against annotators' counts as distributions q = counts / sum, if labels are counts.
struct SoftScores {
  double cross_entropy = 0; ///< mean of -sum_k q_k ln p_k, p as in `log_loss`
  double brier = 0;         ///< mean of sum_k (p_k - q_k)^2
  double accuracy = 0;      ///< mean share of votes for the predicted class
  double label_entropy = 0; ///< mean entropy of q, in nats
};

/// Mean entropy of the prediction taken apart, for files with members (Depeweg et al. 2018).
struct Decomposition {
  double total = 0; ///< aleatoric + epistemic
  double aleatoric = 0;
  double epistemic = 0;
  double disagreement = 0;
};

/// Distances of the true distributions t to the predictions p.
struct TruthReport {
  std::string source;
  std::int64_t samples = 0;
  std::int64_t left_out = 0; ///< good rows whose true distribution is not known
  Summary l1;                ///< sum_k |t_k - p_k|
  Summary tv;                ///< half of it
  Summary kl;                ///< sum_k t_k ln(t_k / p_k) where finite
  std::int64_t infinite_kl = 0;
};

/// A kind of credal set (Levi 1980; Walley 1991), and whether the truth lies in it.
struct CredalReport {
  std::string from;         ///< "members", "lower/upper", "vertices", "radius"
  std::string kind;         ///< "intervals", "hull", "ball"
  std::int64_t samples = 0; ///< whose truth is known
  std::int64_t covered = 0;
  double coverage = 0;
  double mean_width = 0;    ///< of upper - lower probability, over all good rows and classes
  double efficiency = 0;    ///< 1 - mean_width
  double mean_distance = 0; ///< total variation from the truth to hull or ball; NaN of intervals
  double max_distance = 0;
};

struct ConformalReport {
  ConformalMethod method = ConformalMethod::lac;
  std::int64_t calibration_samples = 0;
  std::int64_t samples = 0; ///< that the sets were tried on
  double threshold = 0;     ///< infinite if there are too few calibration samples for alpha
  std::int64_t covered = 0;
  double coverage = 0;
  double mean_size = 0;
  double empty = 0; ///< share of sets without a class
};

struct Report {
  std::string path;
  std::int64_t rows = 0;
  std::int64_t classes = 0;
  std::int64_t nonfinite = 0;  ///< rows that are marked so, or are so
  std::int64_t unreadable = 0; ///< rows that are marked so
  std::int64_t samples = 0;    ///< rows that count
  bool has_labels = false;
  double mean_confidence = 0;             ///< of all that count, labelled or not
  std::vector<std::int64_t> class_counts; ///< predictions per class
  Summary entropy;                        ///< in nats
  std::optional<Decomposition> decomposition;
  LabelScores labelled;
  std::optional<SoftScores> soft;
  std::optional<TruthReport> truth;
  bool truth_is_label = false; ///< credal sets were tried on labels, for want of a truth
  std::vector<CredalReport> credal;
  std::vector<ConformalReport> conformal;
  Request request;
};

/// True if the sample settles thresholds: iff its number in [0, 1), made by SplitMix64 (Steele,
/// Lea, Flood 2014) from seed and id alone, is below `fraction`.
bool is_calibration(std::int64_t id, std::uint64_t seed, double fraction);

/// The ceil((n+1)(1-alpha))-th smallest of n scores: their quantile of level
/// ceil((n+1)(1-alpha))/n (Vovk et al. 2005); infinite if there are not so many.
double conformal_threshold(std::vector<double> scores, double alpha);

/// Reads the file in one pass, or two if conformal sets are asked for. Memory: some tens of MB, 8
/// bytes per sample for the quartiles of the entropy, 16 for those of distances to a truth, and 8
/// for each conformal method.
/// @throws Error (usage) if the file is not complete or has no distributions, or what is asked for
///         does not fit it
Report measure(store::ResultReader const& reader, Request const& request);

} // namespace fod::metrics
