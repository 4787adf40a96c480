#include "fod_metrics.hpp"

#include "fod_table.hpp"

namespace fod::app {

std::vector<std::pair<std::string, std::string>> definitions_of(metrics::Report const& report) {
  auto const bins = std::to_string(report.request.bins);
  std::vector<std::pair<std::string, std::string>> all;
  if (report.has_labels) {
    all = {
        {"accuracy", "share of samples whose largest probability (of equal ones that of the "
                     "lowest class) is the label's; of counts the class with the most votes, "
                     "the lowest among equals"},
        {"nll", "mean of -ln p(label), in nats, p at least 2.22e-16 (as scikit-learn's log_loss)"},
        {"brier", "mean of sum_k (p_k - [k = label])^2, 0 to 2 (Brier 1950)"},
        {"ece", "sum over bins of n_b/n |accuracy - mean confidence|; " + bins +
                    " bins of equal width, (lower, upper], 1 in the last (Guo et al. 2017)"},
        {"mce", "largest |accuracy - mean confidence| of a bin (Naeini et al. 2015)"},
        {"classwise_ece", "mean over classes k of the ECE of p_k against [label = k] (Kull et "
                          "al. 2019)"}};
  }
  all.emplace_back("entropy", "-sum_k p_k ln p_k, in nats; sd of the population, quartiles "
                              "interpolated as NumPy's");
  if (report.decomposition) {
    all.emplace_back("decomposition", "entropy of the mean = mean entropy of the members "
                                      "(aleatoric) + mutual information (epistemic) (Depeweg et "
                                      "al. 2018); disagreement: weight of members that predict "
                                      "another class than the mean");
  }
  if (report.soft) {
    all.emplace_back("soft_labels", "against q = counts / sum: -sum_k q_k ln p_k, sum_k (p_k - "
                                    "q_k)^2, q of the predicted class, entropy of q; means");
  }
  if (report.truth) {
    all.emplace_back("truth", "t to p: L1 = sum_k |t_k - p_k|, TV = L1/2, KL = sum_k t_k ln(t_k / "
                              "p_k) with 0 ln 0 = 0, samples where it is infinite counted apart");
  }
  if (!report.credal.empty()) {
    all.emplace_back(
        "credal", "coverage: share of true distributions (without --truth: of labels) in the set, "
                  "within the tolerance: lower_k <= t_k <= upper_k for all k; t a mixture of the "
                  "vertices (TV to the hull, by a linear programme); TV(t, p) <= radius. "
                  "Efficiency: 1 - mean of upper_k - lower_k (Levi 1980; Walley 1991)");
  }
  if (!report.conformal.empty()) {
    auto const u = std::string(report.request.conformal.randomized ? "u p_k, u uniform" : "p_k");
    all.emplace_back("conformal",
                     "split; the set has each class whose score is at most the "
                     "ceil((n+1)(1-alpha))-th smallest of n calibration scores. LAC: 1 - p_k "
                     "(Sadinle et al. 2019); APS: p of the classes ranked before k, + " +
                         u +
                         " (Romano et al. 2020); RAPS: that + lambda max(0, rank - k_reg) "
                         "(Angelopoulos et al. 2021)");
  }
  return all;
}

std::vector<std::string> missing_of(metrics::Report const& report) {
  std::vector<std::string> all;
  auto const& request = report.request;
  if (!report.has_labels) {
    all.emplace_back("no labels: accuracy, NLL, Brier score and calibration are missing; give "
                     "--labels y.npy, or run fod-generate with --labels");
  } else if (report.labelled.samples == 0 && report.samples > 0) {
    all.emplace_back("no sample has a label (all are negative, or without votes): accuracy, NLL, "
                     "Brier score and calibration are missing");
  }
  if (report.labelled.clipped > 0) {
    all.push_back("labels of " + std::to_string(report.labelled.clipped) +
                  " samples got less than 2.22e-16, which the NLL takes as that");
  }
  if (!report.credal.empty() && !report.truth && !report.has_labels) {
    all.emplace_back("no truth: coverage of credal sets is missing; give --truth, or labels");
  }
  for (auto const& of : report.conformal) {
    if (of.threshold > 1e300) { // infinite
      all.push_back(std::string(metrics::name_of(of.method)) + ": alpha " +
                    decimal(request.conformal.alpha, 4) + " is too small for " +
                    std::to_string(of.calibration_samples) +
                    " calibration samples, so that the threshold is infinite and every set has all "
                    "classes; give more samples, or a larger --alpha");
    }
  }
  return all;
}

} // namespace fod::app
