#pragma once

#include "plan.hpp"

#include "fod/json.hpp"
#include "fod/settings.hpp"

#include <map>

/// Inside of the pipeline: what the file says of itself.
namespace fod {

/// What the user wants in /meta, before anything is computed.
struct MetaRequest {
  json::Meta user;        ///< model_name first, then the user's keys in their order
  bool automatic = false; ///< `--meta auto`: add what is known
};

/// @throws Error (usage) for a `--meta` that cannot be read
MetaRequest parse_meta_request(Config const& config);

/// Facts about the job that are not in the plan.
struct JobFacts {
  std::string started; ///< UTC, "2026-01-31T12:00:00Z"
  store::Settings settings;
  std::vector<std::string> model_hashes;
  std::vector<std::string> model_kinds;
  std::string batch_evidence;              ///< why `--batch-size auto` took what it took
  std::vector<std::int64_t> micro_batches; ///< of every rank, if memory ran out on any
  std::string data_hash;                   ///< empty until all data were read
  std::map<std::string, double> seconds;   ///< by stage
  std::int64_t peak_anonymous = 0;         ///< bytes, the largest of all ranks
  std::int64_t samples_run = 0;            ///< by this job, not by one that it goes on with
  std::int64_t blocks_before = 0;          ///< that an earlier job had done
};

/// The current time in UTC.
std::string utc_now();

/// /meta and /provenance of the file. @param metrics empty until the end
store::Contents make_contents(Config const& config, MetaRequest const& request, Plan const& plan,
                              Inputs const& inputs, Machine const& machine, JobFacts const& facts,
                              store::Metrics const& metrics);

} // namespace fod
