#include "fod_metrics.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace fod::app {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(metrics::Summary const& of) {
  return {{"mean", of.mean},     {"sd", of.sd}, {"min", of.min}, {"q1", of.q1},
          {"median", of.median}, {"q3", of.q3}, {"max", of.max}};
}

Json reliability_of(metrics::Report const& report) {
  if (report.labelled.samples == 0) {
    return nullptr;
  }
  auto all = Json::array();
  for (auto const& bin : report.labelled.reliability) {
    all.push_back({{"lower", bin.lower},
                   {"upper", bin.upper},
                   {"count", bin.count},
                   {"mean_confidence", bin.mean_confidence},
                   {"accuracy", bin.accuracy}});
  }
  return all;
}

Json decomposition_of(metrics::Report const& report) {
  if (!report.decomposition) {
    return nullptr;
  }
  auto const& of = *report.decomposition;
  return {{"total", of.total},
          {"aleatoric", of.aleatoric},
          {"epistemic", of.epistemic},
          {"disagreement", of.disagreement}};
}

Json soft_of(metrics::Report const& report) {
  if (!report.soft) {
    return nullptr;
  }
  auto const& of = *report.soft;
  return {{"nll", of.cross_entropy},
          {"brier", of.brier},
          {"accuracy", of.accuracy},
          {"label_entropy", of.label_entropy}};
}

Json truth_of(metrics::Report const& report) {
  if (!report.truth) {
    return nullptr;
  }
  auto const& of = *report.truth;
  auto kl = json_of(of.kl);
  kl["infinite"] = of.infinite_kl;
  return {{"source", of.source},  {"samples", of.samples}, {"left_out", of.left_out},
          {"l1", json_of(of.l1)}, {"tv", json_of(of.tv)},  {"kl", kl}};
}

Json credal_of(metrics::Report const& report) {
  if (report.credal.empty()) {
    return nullptr;
  }
  auto sets = Json::array();
  for (auto const& of : report.credal) {
    sets.push_back({{"from", of.from},
                    {"kind", of.kind},
                    {"samples", of.samples},
                    {"covered", of.covered},
                    {"coverage", of.coverage},
                    {"efficiency", of.efficiency},
                    {"mean_width", of.mean_width},
                    {"mean_distance", of.mean_distance},
                    {"max_distance", of.max_distance}});
  }
  auto const& radius = report.request.radius;
  return {{"tried_on", report.truth            ? "truth"
                       : report.truth_is_label ? "labels"
                                               : ""},
          {"tolerance", report.request.tolerance},
          {"radius", radius ? Json(*radius) : Json(nullptr)},
          {"sets", sets}};
}

Json conformal_of(metrics::Report const& report) {
  if (report.conformal.empty()) {
    return nullptr;
  }
  auto const& request = report.request.conformal;
  auto methods = Json::object();
  for (auto const& of : report.conformal) {
    methods[std::string(metrics::name_of(of.method))] = {
        {"calibration_samples", of.calibration_samples},
        {"samples", of.samples},
        {"threshold", of.threshold}, // null if infinite
        {"threshold_infinite", std::isinf(of.threshold)},
        {"covered", of.covered},
        {"coverage", of.coverage},
        {"mean_size", of.mean_size},
        {"empty", of.empty}};
  }
  return {{"alpha", request.alpha},       {"calibration", request.calibration},
          {"seed", request.seed},         {"randomized", request.randomized},
          {"lambda", request.lambda},     {"k_reg", request.k_reg},
          {"methods", std::move(methods)}};
}

} // namespace

std::string as_json(metrics::Report const& report) {
  auto const& scores = report.labelled;
  auto definitions = Json::object();
  for (auto const& [name, definition] : definitions_of(report)) {
    definitions[name] = definition;
  }
  Json const document{
      {"path", report.path},
      {"rows", report.rows},
      {"classes", report.classes},
      {"samples", report.samples},
      {"nonfinite_rows", report.nonfinite},
      {"unreadable_rows", report.unreadable},
      {"labelled", scores.samples},
      {"accuracy", scores.accuracy},
      {"mean_confidence", report.mean_confidence},
      {"labelled_mean_confidence", scores.mean_confidence},
      {"nll", scores.nll},
      {"nll_clipped", scores.clipped},
      {"brier", scores.brier},
      {"bins", report.request.bins},
      {"ece", scores.calibration.expected},
      {"mce", scores.calibration.maximum},
      {"classwise_ece", scores.classwise_ece},
      {"reliability", reliability_of(report)},
      {"class_counts",
       {{"predicted", report.class_counts},
        {"labelled", report.has_labels ? Json(scores.class_counts) : Json(nullptr)}}},
      {"entropy", json_of(report.entropy)},
      {"decomposition", decomposition_of(report)},
      {"soft_labels", soft_of(report)},
      {"truth", truth_of(report)},
      {"credal", credal_of(report)},
      {"conformal", conformal_of(report)},
      {"definitions", definitions},
      {"notes", missing_of(report)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace fod::app
