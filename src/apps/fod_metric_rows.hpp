#pragma once

#include "fod_table.hpp"

#include <map>

/// How /metrics are told to people.
namespace fod::app {

/// Whether a metric says something: counts of bad rows do if there are any.
bool is_worth_telling(std::string const& name, double value);

/// Title and value with its unit, the best known first. What says nothing is left out.
std::vector<Row> metric_rows(std::map<std::string, double> const& metrics);

} // namespace fod::app
