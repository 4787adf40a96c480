#pragma once

#include "grouping.hpp"
#include "output.hpp"

/// Inside of the pipeline: what rank 0 tells the user at the end.
namespace fod {

/// @param metrics of all samples
/// @param unreadable the first samples that could not be read
void print_summary(Config const& config, Plan const& plan, Inputs const& inputs,
                   Machine const& machine, JobFacts const& facts, Output const& output,
                   store::Metrics const& metrics, std::vector<std::int64_t> const& unreadable);

/// How the shards become one result, and what of it.
void print_shards(Config const& config, Plan const& plan);

void print_groups(Config const& config, GroupFindings const& findings, JobFacts const& facts);

} // namespace fod
