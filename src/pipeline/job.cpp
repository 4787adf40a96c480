#include "fod/pipeline.hpp"

#include "figures.hpp"
#include "generate.hpp"
#include "grouping.hpp"
#include "posterior.hpp"
#include "recheck.hpp"
#include "second_pass.hpp"
#include "together.hpp"

#include "fod/convert.hpp"
#include "fod/error.hpp"
#include "fod/text.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

namespace fod {

namespace {

using Clock = std::chrono::steady_clock;

/// Seconds spent in each stage, one after the other.
class StageTimer {
public:
  void end_of(std::string const& stage) {
    auto const now = Clock::now();
    seconds_[stage] = std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }
  [[nodiscard]] std::map<std::string, double> const& seconds() const { return seconds_; }

private:
  Clock::time_point last_ = Clock::now();
  std::map<std::string, double> seconds_;
};

std::string decimal(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f", value);
  return text.data();
}

void print_summary(Config const& config, Plan const& plan, Inputs const& inputs,
                   Machine const& machine, JobFacts const& facts, store::Metrics const& metrics,
                   std::vector<std::int64_t> const& unreadable) {
  // A JSON stream on stdout must stay one.
  auto& out = config.json == "-" ? std::cerr : std::cout;
  out << config.out << ": " << counted(plan.samples(), "sample") << ", "
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
  if (config.range && plan.layout.samples() != *config.range) {
    out << "  --range was cut at block boundaries: samples " << plan.layout.samples().begin << ":"
        << plan.layout.samples().end << "\n";
  }
  auto const loop = facts.seconds.at("loop");
  if (facts.blocks_before > 0) {
    out << "  of " << plan.layout.blocks.size() << " blocks " << facts.blocks_before
        << " had been done by an earlier job\n";
  }
  auto const rate = loop > 0 ? static_cast<double>(facts.samples_run) / loop : 0;
  out << "  " << grouped(std::llround(rate)) << " samples/s over " << decimal(loop)
      << " s; start and probe " << decimal(facts.seconds.at("start")) << " s, proof and "
      << "finish " << decimal(facts.seconds.at("finish")) << " s\n"
      << "  peak anonymous memory " << byte_size(facts.peak_anonymous) << " per rank" << std::endl;
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

/// The groups, and what a second pass finds about them.
GroupFindings find_all_groups(Prepared& job, LayerMoments& moments, store::ResultWriter& writer,
                              Comm const& comm) {
  auto findings = find_groups(job, moments, comm);
  comm.require_no_stop(how_to_go_on(job.config));
  if (job.annotations) {
    comm.agree([&] {
      findings.events = std::make_unique<EventRecorder>(*job.annotations, findings.layers,
                                                        job.plan.layout.samples());
    });
  }
  if (job.config.groups.patterns || findings.events) {
    second_pass(job, findings.layers, writer, comm, findings.events.get());
  }
  if (findings.events) {
    findings.events->finish(findings.layers, comm);
  }
  return findings;
}

/// Writes the JSON form on rank 0, while the others wait.
void export_result(Config const& config, Comm const& comm) {
  comm.on_root([&] {
    if (config.json.empty()) {
      return;
    }
    try {
      export_json(store::ResultReader(config.out), config.json, {false, config.overwrite});
    } catch (Error const& error) {
      throw Error(ExitCode::failed, error.message()); // the result is there
    }
  });
}

/// Every rank's micro-batch, if memory ran out on any.
std::vector<std::int64_t> micro_batches(Config const& config, LoopResult const& result,
                                        Comm const& comm) {
  std::vector<std::int64_t> all;
  bool any = false;
  for (auto const& text : comm.all_gather(std::to_string(result.micro_batch))) {
    all.push_back(std::stoll(text));
    any = any || all.back() < config.batch_size;
  }
  return any ? all : std::vector<std::int64_t>();
}

/// The first pass: what an earlier job did of it is not done again. @return figures of all samples
Totals first_pass(Prepared& job, LayerMoments* moments, store::ResultWriter& writer,
                  Comm const& comm) {
  KeptSums kept(job.config.out, "moments", writer.creation());
  store::BlockRuns summed;
  if (moments != nullptr) {
    SavedMoments earlier(job.plan.groups);
    summed = kept.begin(
        comm, [&](h5::File const& file) { earlier.add(file); },
        [&](h5::File& file) { earlier.write(file); });
    moments->set_base(kept.base_path());
  }
  auto const marked = writer.done_blocks();
  auto const work = left_of(job.plan.layout, &marked, moments == nullptr ? nullptr : &summed, comm);
  job.facts.samples_run = work.samples;
  job.facts.blocks_before = work.done_before;
  std::optional<KeptMoments> const keep =
      moments == nullptr ? std::nullopt : std::optional(KeptMoments{*moments, kept});
  auto const result = generate(job, work, keep ? &*keep : nullptr, writer, comm);
  job.facts.micro_batches = micro_batches(job.config, result, comm);
  job.facts.peak_anonymous =
      static_cast<std::int64_t>(comm.all_max(static_cast<double>(result.peak_anonymous)));
  Totals totals(job.plan.layout);
  writer.end_pass(&totals);
  reduce(totals, comm, job.machine);
  return totals;
}

/// Everything between the creation of the file and its final name.
void compute(Prepared& job, StageTimer& timer, store::ResultWriter& writer, Comm const& comm) {
  auto const& config = job.config;
  auto& facts = job.facts;
  std::optional<LayerMoments> moments;
  if (job.watch) {
    comm.agree([&] { moments.emplace(job.plan.groups, job.machine, config.allow_nonfinite); });
  }
  auto const totals = first_pass(job, moments ? &*moments : nullptr, writer, comm);
  timer.end_of("loop");
  comm.require_no_stop(how_to_go_on(config));
  require_finite(config, totals, comm);
  GroupFindings findings;
  if (moments) {
    findings = find_all_groups(job, *moments, writer, comm);
    timer.end_of("groups");
  }
  auto const unreadable = first_named(totals.named_unreadable(), comm);
  auto const metrics = totals.metrics();
  facts.data_hash = checksum_text(totals.input_digest());
  facts.seconds = timer.seconds();
  comm.require_no_stop(how_to_go_on(config)); // the last look: from here on the job is finished
  writer.finish(make_contents(config, job.meta, job.plan, *job.inputs, job.machine, facts, metrics),
                metrics, [&](h5::File& file) { write_groups(file, job, findings); });
  export_result(config, comm);
  timer.end_of("finish");
  facts.seconds = timer.seconds();
  if (comm.is_root()) {
    print_summary(config, job.plan, *job.inputs, job.machine, facts, metrics, unreadable);
    print_groups(config, findings, facts);
  }
}

/// What is there is all that was asked for. Collective.
void finish_earlier(Prepared const& job, Comm const& comm) {
  auto const& config = job.config;
  comm.on_root([&] {
    bool const lacked_name = job.found == store::Found::partial;
    if (lacked_name) {
      store::publish_complete(config.out);
    }
    (config.json == "-" ? std::cerr : std::cout)
        << config.out
        << (lacked_name ? " is complete: an earlier job was ended just before it got its name"
                        : " is complete already: there is nothing to do")
        << std::endl;
  });
  if (config.json == "-" || !std::filesystem::exists(config.json)) {
    export_result(config, comm);
  }
}

store::ResultWriter open_writer(Prepared const& job, Comm const& comm) {
  if (job.found == store::Found::partial) {
    return store::ResultWriter::resume(job.config.out, comm);
  }
  return store::ResultWriter::create(
      job.config.out, job.plan.layout,
      make_contents(job.config, job.meta, job.plan, *job.inputs, job.machine, job.facts, {}), comm);
}

} // namespace

void run_job(Config const& asked, Comm const& comm) {
  StageTimer timer;
  Prepared job;
  job.config = asked;
  job.facts.started = comm.broadcast(utc_now());
  prepare(job, comm);
  comm.require_no_stop("nothing was written");
  auto const& config = job.config;
  if (config.groups.list) {
    if (comm.is_root()) {
      std::cout << job.listing << std::flush;
    }
    return;
  }
  if (config.dry_run) {
    if (comm.is_root() && job.inputs) {
      std::cout << describe(config, job.plan, *job.inputs, job.machine) << std::flush;
    }
    return;
  }
  if (!config.posterior.empty()) {
    write_posterior(config, *job.model, comm);
  }
  if (!job.inputs) {
    return; // there are no data
  }

  if (!config.verify.empty()) {
    recheck(job, comm);
    return;
  }
  if (job.found != store::Found::nothing && job.found_complete) {
    finish_earlier(job, comm);
    return;
  }
  auto writer = open_writer(job, comm);
  timer.end_of("start");
  comm.advise(how_to_go_on(config));
  try {
    compute(job, timer, writer, comm);
  } catch (UncleanError const&) {
    throw;
  } catch (AgreedError const& error) {
    writer.suspend(); // unless it is closed already
    auto const code = error.code() == ExitCode::usage ? ExitCode::failed : error.code();
    throw AgreedError(with_progress(Error(code, error.message()), config));
  }
}

} // namespace fod
