#include "summary.hpp"

#include "fod/text.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>

namespace fod {

namespace {

std::string decimal(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f", value);
  return text.data();
}

} // namespace

void print_summary(Config const& config, Plan const& plan, Inputs const& inputs,
                   Machine const& machine, JobFacts const& facts, Output const& output,
                   store::Metrics const& metrics, std::vector<std::int64_t> const& unreadable) {
  // A JSON stream on stdout must stay one.
  auto& out = config.json == "-" ? std::cerr : std::cout;
  out << output.names() << ": " << counted(plan.job_samples().size(), "sample") << ", "
      << (config.distributions ? counted(plan.layout.classes, "class") + ", by " : "by ")
      << counted(std::ssize(plan.shards), "rank") << " on " << machine.device.label() << ", "
      << counted(machine.threads, "thread") << " each\n";
  for (auto const& [name, value] : metrics.values) {
    if ((name != "nonfinite_rows" && name != "unreadable_rows") || value > 0) {
      out << "  " << name << " " << decimal(value) << "\n";
    }
  }
  for (auto const sample : unreadable) {
    out << "  not readable, skipped: " << inputs.dataset.sample_name(sample) << "\n";
  }
  if (plan.layout.grid.samples() > 0 && config.distributions) {
    out << "  output read as " << plan.probe.mode_text() << " (" << plan.probe.evidence_text()
        << ")\n";
  }
  if (!facts.batch_evidence.empty()) {
    out << "  batch size " << config.batch_size
        << ", found by samples per second: " << facts.batch_evidence << "\n";
  }
  for (auto const& conversion : conversions(inputs, plan.probe)) {
    out << "  " << conversion << "\n";
  }
  for (auto const& note : inputs.dataset.notes()) {
    out << "  " << note << "\n";
  }
  if (auto const samples = plan.job_samples(); config.range && samples != *config.range) {
    out << "  --range was cut at block boundaries: samples " << samples.begin << ":" << samples.end
        << "\n";
  }
  auto const loop = facts.seconds.at("loop");
  if (facts.blocks_before > 0) {
    out << "  of " << plan.job_blocks.size() << " blocks " << facts.blocks_before
        << " had been done by an earlier job\n";
  }
  auto const rate = loop > 0 ? static_cast<double>(facts.samples_run) / loop : 0;
  out << "  " << grouped(std::llround(rate)) << " samples/s over " << decimal(loop)
      << " s; start and probe " << decimal(facts.seconds.at("start")) << " s, proof and "
      << "finish " << decimal(facts.seconds.at("finish")) << " s\n"
      << "  peak anonymous memory " << byte_size(facts.peak_anonymous) << " per rank" << std::endl;
}

/// How the shards become one result, and what of it.
void print_shards(Config const& config, Plan const& plan) {
  auto names = store::shard_path(config.out, 0, std::ssize(plan.shards));
  names.replace(names.rfind(".00000-of-") + 1, 5, "*");
  std::cout << "  join them: fod merge " << config.out << " " << names << "\n";
  auto const& groups = config.groups;
  if (plan.groups.empty()) {
    return;
  }
  std::cout << "  groups are found by fod merge";
  if (groups.second_pass()) {
    std::cout << (groups.keep_activations
                      ? ", and what --group-patterns, --categories, --texts or --loss ask for"
                      : "; what --group-patterns, --categories, --texts or --loss ask for is left "
                        "out, since it needs --keep-activations there");
  }
  std::cout << std::endl;
}

void print_groups(Config const& config, GroupFindings const& findings, JobFacts const& facts) {
  if (findings.layers.empty()) {
    return;
  }
  auto& out = config.json == "-" ? std::cerr : std::cout;
  for (auto const& line : summary_of(findings)) {
    out << "  " << line << "\n";
  }
  out << "  groups found in " << decimal(facts.seconds.at("groups")) << " s" << std::endl;
}

} // namespace fod
