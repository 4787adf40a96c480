#pragma once

#include "fod/store.hpp"

#include <optional>
#include <string>
#include <vector>

/// Ensembles made of result files: each file a model, all of them over the same samples.
namespace fod {

struct EnsembleOptions {
  std::vector<double> weights;   ///< of the files; empty: equal ones. Made to sum to 1
  bool keep_members = false;     ///< write each member's distributions too
  bool allow_other_data = false; ///< files whose input data are on record as different
  bool overwrite = false;
  std::optional<bool> progress;
};

/// A member of the ensemble, in the order of their weights.
struct MemberInfo {
  std::string path;               ///< of its file
  std::int64_t number = 0;        ///< among the members of that file
  std::int64_t of = 1;            ///< how many those are
  std::string name;               ///< of the file's model, or its path
  double weight = 1;              ///< in the ensemble
  std::optional<double> accuracy; ///< of the file, if it is on record
};

struct EnsembleReport {
  IndexRange samples;
  std::int64_t classes = 0;
  std::vector<MemberInfo> members;
  store::Metrics metrics;
  std::vector<std::string> notes;    ///< what was done that was not asked for
  std::vector<std::string> left_out; ///< what the files hold and the result does not
};

/// Joins complete result files over the same samples into the file that `fod-generate --model A
/// --model B` would have written: mean, uncertainty taken apart, metrics. The members of a file
/// that is an ensemble itself become members of this one. Rows are compared with their checksums
/// while they are read; memory depends on classes and members, not on the samples, but for files in
/// another order than the first, which are held (256 MB of rows at most). No result is there until
/// it is whole and proved.
/// @throws Error (usage) naming the files that do not fit, and why
EnsembleReport ensemble_files(std::vector<std::string> const& inputs, std::string const& out,
                              EnsembleOptions const& options);

} // namespace fod
