#pragma once

#include "fod/groups.hpp"
#include "fod/moments.hpp"

/// Inside of the analysis module: neurons that have correlations.
namespace fod {

struct LiveNeurons {
  std::int64_t neurons = 0;          ///< of the layer
  std::vector<std::int64_t> indices; ///< of those that are live, ascending
  std::vector<std::int64_t> dead;    ///< the others
};
LiveNeurons live_neurons(Moments const& moments);

/// Makes the matrix one of these columns alone, in its own memory. A column without a deviation (in
/// one half of the blocks, say) correlates with itself alone.
groups::MatrixView compacted(Statistics& statistics, std::vector<std::int64_t> const& columns);

/// Cosines of the angles between the live neurons' activations, not centred:
/// (cov + m m') / sqrt((var + m^2) (var' + m'^2)).
std::vector<double> cosines_of(Statistics const& statistics, LiveNeurons const& live);

} // namespace fod
