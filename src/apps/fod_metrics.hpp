#pragma once

#include "fod/metrics.hpp"

#include <string>
#include <utility>
#include <vector>

/// Inside of `fod metrics`: how figures are told.
namespace fod::app {

/// Names of figures with their definitions, those that a report has no figures for left out.
std::vector<std::pair<std::string, std::string>> definitions_of(metrics::Report const& report);
/// What is missing from a report, and how to get it; a line each.
std::vector<std::string> missing_of(metrics::Report const& report);

/// For people. @param top classes to list
std::string as_table(metrics::Report const& report, std::size_t top);
/// One JSON object with stable keys: what is not known is null.
std::string as_json(metrics::Report const& report);

} // namespace fod::app
