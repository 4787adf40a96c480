#pragma once

#include "meta.hpp"

#include "fod/output_claim.hpp"
#include "fod/pipeline.hpp"

#include <memory>

/// Inside of the pipeline: all that comes before the first byte is written.
namespace fod {

class Annotations;

/// A job that is ready to run.
struct Prepared {
  Config config; ///< with what the flags left open
  Given given;
  bool in_memory = false; ///< no file is written
  Machine machine;
  MetaRequest meta;
  JobFacts facts;
  std::string out; ///< path of the result: --out, or this rank's shard of it
  std::unique_ptr<store::OutputClaim> claim;  ///< of it, on rank 0, of shards on each
  store::Found found = store::Found::nothing; ///< there of earlier jobs, that this one goes on with
  store::Settings verified;                   ///< of the result that --verify names
  bool found_complete = false;                ///< and it is all there
  std::unique_ptr<Inputs> inputs;             ///< null without --data
  std::unique_ptr<Model> model;
  std::unique_ptr<LayerWatch> watch;        ///< null without --layers
  std::shared_ptr<Annotations> annotations; ///< null without events
  Plan plan;
  std::unique_ptr<Epilogue> epilogue; ///< null in a dry run, and without distributions
  std::string listing;                ///< what --list-layers prints, on rank 0
};

/// Fills `job`, of which `config`, `given`, `in_memory` and `facts.started` are given. Whatever
/// goes wrong in it is bad usage or bad input, since nothing is written yet. Collective. @throws
/// AgreedError (usage)
void prepare(Prepared& job, Comm const& comm);

} // namespace fod
