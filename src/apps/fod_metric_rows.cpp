#include "fod_metric_rows.hpp"

#include "fod/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace fod::app {

namespace {

/// Name, title and unit of what comes first, in this order.
constexpr std::array<std::array<char const*, 3>, 8> known_metrics{
    {{"accuracy", "accuracy", ""},
     {"nll", "NLL", " nats"},
     {"brier", "Brier score", ""},
     {"ece", "ECE", " (15 bins)"},
     {"mce", "MCE", ""},
     {"classwise_ece", "class-wise ECE", ""},
     {"mean_entropy", "mean entropy", " nats"},
     {"mean_confidence", "mean confidence", ""}}};

bool is_known(std::string const& name) {
  return std::any_of(known_metrics.begin(), known_metrics.end(),
                     [&](auto const& known) { return known[0] == name; });
}

/// Parts of the entropy.
bool in_nats(std::string const& name) {
  return name == "mean_aleatoric" || name == "mean_epistemic";
}

bool counts_bad_rows(std::string const& name) {
  return name == "nonfinite_rows" || name == "unreadable_rows";
}

std::string spaced(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

} // namespace

bool is_worth_telling(std::string const& name, double value) {
  return !counts_bad_rows(name) || value > 0;
}

std::vector<Row> metric_rows(std::map<std::string, double> const& metrics) {
  std::vector<Row> rows;
  for (auto const& [name, title, unit] : known_metrics) {
    if (auto const found = metrics.find(name); found != metrics.end()) {
      rows.push_back({title, decimal(found->second, 4) + unit});
    }
  }
  for (auto const& [name, value] : metrics) {
    if (!is_known(name) && is_worth_telling(name, value)) {
      rows.push_back({spaced(name), counts_bad_rows(name)
                                        ? grouped(std::llround(value))
                                        : decimal(value, 4) + (in_nats(name) ? " nats" : "")});
    }
  }
  return rows;
}

} // namespace fod::app
