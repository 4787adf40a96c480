#pragma once

#include "output.hpp"
#include "work.hpp"

/// Inside of the pipeline: the loop.
namespace fod {

/// What the loop leaves behind on this rank.
struct LoopResult {
  std::int64_t peak_anonymous = 0; ///< bytes, of this rank
  std::int64_t micro_batch = 0;    ///< samples at a time at the end, fewer than a batch if memory
                                   ///< ran out
};

/// The moments of a job that looks at layers, and where they are kept.
struct KeptMoments {
  LayerMoments& moments;
  KeptSums const& kept;
};

/// Runs the model over this rank's blocks and writes their rows. Nothing in it is collective but
/// its end. @throws AgreedError if any rank failed; the file is suspended then, progress kept
/// @param moments of the layers that are looked at; null without
LoopResult generate(Prepared& job, Work const& work, KeptMoments const* moments, Output& output,
                    Comm const& comm);

} // namespace fod
