#pragma once

#include "fod/metrics.hpp"

#include <vector>

/// Inside of the metrics module.
namespace fod::metrics {

/// Of values in any order; sorts them.
Summary summarise(std::vector<double>& values);

} // namespace fod::metrics
