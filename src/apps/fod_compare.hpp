#pragma once

#include "fod_groups.hpp"

#include "fod/group_evidence.hpp"

#include <string>
#include <vector>

/// Inside of `fod compare`: groups of the same layer in several files, epochs of a training say.
namespace fod::app {

/// Below this Jaccard overlap a match is weak. At or above it a group is taken for the same group,
/// for (above a half) no other group can overlap as much.
inline constexpr double weak_below = 0.5;

/// Two files compared, `from` before `to`.
struct Comparison {
  std::size_t from = 0;
  std::size_t to = 0;
  double ari = 0; ///< adjusted Rand index; each neuron without a group is a cluster of its own. NaN
                  ///< where groups overlap
  std::vector<groups::Match> matches; ///< by position in the lists of groups
  std::vector<std::int64_t> gone;     ///< groups of `from` without a match
  std::vector<std::int64_t> added;    ///< groups of `to` without one

  /// Matches that are not weak.
  [[nodiscard]] std::int64_t strong() const;
};

/// Over the whole series of files.
enum class Phase {
  stable,    ///< in every file
  emerging,  ///< not in the first file, but in the last
  vanishing, ///< in the first file, but not in the last
  transient  ///< in neither
};
std::string_view name_of(Phase phase);

/// A group followed from file to file, as long as matches of consecutive files are not weak. Where
/// it is lost, it ends; if it comes back later, that is another lineage.
struct Lineage {
  Phase phase = Phase::stable;
  std::size_t first = 0;            ///< file in which it begins
  std::vector<std::int64_t> groups; ///< positions in the lists of groups, file by file
};

struct LayerComparison {
  std::string name;
  std::int64_t neurons = 0;
  std::vector<store::LayerGroups> files;
  std::vector<Comparison> comparisons; ///< of consecutive files, then of the first with the others
  std::vector<Lineage> lineages;       ///< by file and group in which they begin
};

/// @param files one entry per file, of the same layer
LayerComparison compare(std::vector<store::LayerGroups> files);

struct CompareReport {
  std::vector<std::string> paths;
  std::vector<LayerComparison> layers;
};
/// For people: `top` matches and lineages per table.
std::string as_table(CompareReport const& report, std::size_t top);
/// One JSON object with stable keys.
std::string as_json(CompareReport const& report);

} // namespace fod::app
