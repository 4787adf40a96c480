#pragma once

#include "prepare.hpp"
#include "totals.hpp"

/// Inside of the pipeline: the loop.
namespace fod {

/// What the loop leaves behind on this rank.
struct LoopResult {
  static constexpr std::size_t most_named = 10;

  explicit LoopResult(std::int64_t classes) : totals(classes) {}

  Totals totals;
  std::vector<std::int64_t> nonfinite;  ///< the first of this rank's rows that are not finite
  std::vector<std::int64_t> unreadable; ///< the first of those whose input could not be read
  double seconds = 0;                   ///< of this rank's work
  std::int64_t peak_anonymous = 0;      ///< bytes, of this rank
  std::int64_t micro_batch = 0;         ///< samples at a time at the end, fewer than a batch if
                                        ///< memory ran out
};

/// Runs the model over this rank's blocks and writes their rows. Nothing in it is collective but
/// its end. @throws AgreedError if any rank failed; the file is suspended then, progress kept
/// @param moments of the layers that are looked at; null without
LoopResult generate(Prepared& job, LayerMoments* moments, store::ResultWriter& writer,
                    Comm const& comm);

/// The first of the samples that any rank names, in ascending order, `most_named` at most.
/// Collective.
std::vector<std::int64_t> first_named(std::vector<std::int64_t> const& own, Comm const& comm);

/// Ends the job if rows are not finite and the user did not allow them: all are counted, the first
/// are named, the file is suspended. Collective. @throws AgreedError
void require_finite(Config const& config, LoopResult const& result, store::ResultWriter& writer,
                    Comm const& comm);

} // namespace fod
