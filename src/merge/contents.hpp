#pragma once

#include "parts.hpp"

/// Inside of the merge module: what the result says of itself.
namespace fod {

/// True if a partial file is of a merge, with which nobody would go on.
bool is_of_a_merge(std::string const& partial);

/// The metadata of a file made of others: of the first, with what `--meta auto` put there (the keys
/// `automatic`) made that of the whole.
std::string joined_meta(std::string const& text, std::vector<std::string> const& automatic,
                        store::Layout const& layout, store::Metrics const& metrics);

/// What is only known at the end.
struct MergeFacts {
  store::Metrics metrics;
  std::string data_hash;
  double seconds = 0;
  std::vector<std::string> left_out;
};

/// /meta of the first file, with what `--meta auto` put there made that of all; /provenance of the
/// first, with the ranks of all, and which files they were.
store::Contents joined_contents(std::vector<Part> const& parts, store::Layout const& layout,
                                MergeFacts const& facts);

/// Samples of the dataset before --max-samples.
std::int64_t source_samples(std::vector<Part> const& parts);

} // namespace fod
