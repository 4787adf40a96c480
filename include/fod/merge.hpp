#pragma once

#include "fod/layer_groups.hpp"
#include "fod/store.hpp"

#include <optional>
#include <string>
#include <vector>

/// Joining files that hold different samples of one dataset: shards, or jobs over ranges.
namespace fod {

struct MergeOptions {
  bool overwrite = false;
  bool allow_partial = false; ///< samples may be missing at the ends of the dataset
  std::optional<bool> progress;
};

/// What went into the result, in the order of the samples.
struct MergedFile {
  std::string path;
  IndexRange samples;
  std::int64_t shard = 0;
  std::int64_t shards = 0; ///< 0: it is no shard
};

struct MergeReport {
  std::vector<MergedFile> files;
  IndexRange samples;
  std::int64_t classes = 0;
  store::Metrics metrics;
  std::vector<store::LayerGroups> layers;
  std::vector<std::string> notes;    ///< what was found, a line each
  std::vector<std::string> left_out; ///< what the jobs asked for and could not be made, and why
};

/// Joins complete files of one model, dataset and set of flags, in any order, into the file that
/// one job would have written: rows block by block, compared with their checksums while they are
/// copied; moments added exactly; then groups found as the jobs were asked to; then, where
/// activations were kept, what needs the groups and every sample. Memory depends on the neurons
/// and groups, not on the samples. A merge that is ended leaves no result, and begins anew.
/// @throws Error (usage) for files that do not belong together or are damaged, saying which
MergeReport merge_files(std::vector<std::string> const& inputs, std::string const& out,
                        MergeOptions const& options);

} // namespace fod
