#include "fod/pipeline.hpp"

#include "figures.hpp"
#include "generate.hpp"
#include "grouping.hpp"
#include "output.hpp"
#include "posterior.hpp"
#include "recheck.hpp"
#include "second_pass.hpp"
#include "summary.hpp"
#include "together.hpp"

#include "fod/checksum.hpp"
#include "fod/convert.hpp"
#include "fod/error.hpp"
#include "fod/totals_by_parts.hpp"

#include <array>
#include <chrono>
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

/// The groups, and what a second pass finds about them.
GroupFindings find_all_groups(Prepared& job, LayerMoments& moments, Output& output,
                              Comm const& comm) {
  auto findings = find_groups(job, moments, comm);
  comm.require_no_stop(how_to_go_on(output));
  if (job.annotations) {
    comm.agree([&] {
      findings.events = std::make_unique<EventRecorder>(*job.annotations, findings.layers,
                                                        job.plan.layout.samples());
    });
  }
  if (job.config.groups.patterns || findings.events) {
    second_pass(job, findings.layers, output, comm, findings.events.get());
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

/// The micro-batch of every rank that shares the file, if memory ran out on any.
std::vector<std::int64_t> micro_batches(Config const& config, LoopResult const& result,
                                        Comm const& sharers) {
  std::vector<std::int64_t> all;
  bool any = false;
  for (auto const& text : sharers.all_gather(std::to_string(result.micro_batch))) {
    all.push_back(std::stoll(text));
    any = any || all.back() < config.batch_size;
  }
  return any ? all : std::vector<std::int64_t>();
}

/// Sums over the rows that the first pass wrote.
struct PassTotals {
  Totals file; ///< of the file; the samples that are named are this rank's
  Totals job;  ///< of all ranks
};

/// What is left of the first pass, on a file that the ranks of `output` share.
Work work_left(Prepared const& job, LayerMoments* moments, KeptSums* kept, Output& output) {
  auto const& sharers = output.sharers();
  store::BlockRuns summed;
  if (moments != nullptr) {
    SavedMoments earlier(job.plan.groups);
    summed = kept->begin(
        sharers, [&](h5::File const& file) { earlier.add(file); },
        [&](h5::File& file) { earlier.write(file); });
    moments->set_base(kept->base_path());
  }
  auto const marked = output.writer().done_blocks();
  return left_of(job.plan.layout, &marked, moments == nullptr ? nullptr : &summed, sharers);
}

/// The first pass: what an earlier job did of it is not done again.
PassTotals first_pass(Prepared& job, LayerMoments* moments, Output& output, Comm const& comm) {
  std::optional<KeptSums> kept;
  Work work;
  auto const prepare_work = [&] {
    if (output.is_open()) {
      kept.emplace(job.out, "moments", output.writer().creation());
      work = work_left(job, moments, &*kept, output);
    } else {
      work.done_before = job.plan.layout.blocks.size();
    }
  };
  output.is_shard() ? comm.agree(prepare_work) : prepare_work();
  if (output.is_shard()) { // each rank knows of its own
    std::array<std::uint64_t, 2> sums{static_cast<std::uint64_t>(work.samples),
                                      static_cast<std::uint64_t>(work.done_before)};
    comm.all_sum(sums);
    work.samples = static_cast<std::int64_t>(sums[0]);
    work.done_before = static_cast<std::int64_t>(sums[1]);
  }
  job.facts.samples_run = work.samples;
  job.facts.blocks_before = work.done_before;
  std::optional<KeptMoments> const keep =
      moments == nullptr || !kept ? std::nullopt : std::optional(KeptMoments{*moments, *kept});
  auto const result = generate(job, work, keep ? &*keep : nullptr, output, comm);
  job.facts.micro_batches = micro_batches(job.config, result, output.sharers());
  job.facts.peak_anonymous =
      static_cast<std::int64_t>(comm.all_max(static_cast<double>(result.peak_anonymous)));
  TotalsByParts by_parts(job.plan.layout, output.sharers().size(), job.machine.threads);
  output.end_pass(by_parts.visitors());
  auto totals = by_parts.joined();
  comm.agree([&] {
    if (!output.is_open()) {
      store::visit_rows(store::ResultReader(job.out), totals);
    }
  });
  auto all = totals;
  reduce(all, comm, job.machine);
  return {output.is_shard() ? std::move(totals) : all, all};
}

/// A shard's own end: the groups are found when all are merged.
void finish_shard(Prepared& job, LayerMoments* moments, Output& output,
                  store::Contents const& contents, store::Metrics const& metrics,
                  Comm const& comm) {
  std::vector<store::LayerSums> sums;
  comm.agree([&] {
    if (moments != nullptr && output.is_open()) {
      sums = sums_of(job, *moments, output.sharers());
    }
  });
  output.finish(contents, metrics, [&](h5::File& file) {
    for (auto const& layer : sums) {
      store::write_sums(file, layer);
    }
  });
}

/// Everything between the creation of the file and its final name.
void compute(Prepared& job, StageTimer& timer, Output& output, Comm const& comm) {
  auto const& config = job.config;
  auto& facts = job.facts;
  std::optional<LayerMoments> moments;
  if (job.watch) {
    comm.agree([&] { moments.emplace(job.plan.groups, job.machine, config.allow_nonfinite); });
  }
  auto* const sums = moments ? &*moments : nullptr;
  auto const totals = first_pass(job, sums, output, comm);
  timer.end_of("loop");
  comm.require_no_stop(how_to_go_on(output));
  require_finite(config, totals.job, output, comm);
  GroupFindings findings;
  if (moments && !config.shards) {
    findings = find_all_groups(job, *moments, output, comm);
    timer.end_of("groups");
  }
  auto const unreadable = first_named(totals.job.named_unreadable(), comm);
  auto const metrics = totals.file.metrics();
  facts.data_hash = checksum_text(totals.file.input_digest());
  facts.seconds = timer.seconds();
  comm.require_no_stop(how_to_go_on(output)); // the last look: from here on the job is finished
  auto const contents =
      make_contents(config, job.meta, job.plan, *job.inputs, job.machine, facts, metrics);
  if (config.shards) {
    finish_shard(job, sums, output, contents, metrics, comm);
  } else {
    output.finish(contents, metrics, [&](h5::File& file) { write_groups(file, job, findings); });
  }
  export_result(config, comm);
  timer.end_of("finish");
  facts.seconds = timer.seconds();
  if (comm.is_root() && !config.quiet) {
    print_summary(config, job.plan, *job.inputs, job.machine, facts, output, totals.job.metrics(),
                  unreadable);
    if (config.shards) {
      print_shards(config, job.plan);
    }
    print_groups(config, findings, facts);
  }
}

/// What is there is all that was asked for. Collective.
void finish_earlier(Prepared const& job, Comm const& comm) {
  auto const& config = job.config;
  bool const lacked_name = job.found == store::Found::partial;
  auto const publish = [&] {
    if (lacked_name) {
      store::publish_complete(job.out);
    }
  };
  config.shards ? comm.agree(publish) : comm.on_root(publish);
  bool const any_lacked = comm.all_max(lacked_name ? 1 : 0) > 0;
  if (comm.is_root() && !config.quiet) {
    auto const what = config.shards ? "all shards of " + config.out + " are" : config.out + " is";
    (config.json == "-" ? std::cerr : std::cout)
        << what
        << (any_lacked ? " complete: an earlier job was ended just before it got its name"
                       : " complete already: there is nothing to do")
        << std::endl;
  }
  if (config.json == "-" || !std::filesystem::exists(config.json)) {
    export_result(config, comm);
  }
}

} // namespace

void run_job(Config const& asked, Comm const& comm, Given const& given) {
  StageTimer timer;
  Prepared job;
  job.config = asked;
  job.given = given;
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
  if (all_complete(job, comm)) {
    finish_earlier(job, comm);
    return;
  }
  Output output(job, comm);
  timer.end_of("start");
  comm.advise(how_to_go_on(output));
  try {
    compute(job, timer, output, comm);
  } catch (UncleanError const&) {
    throw;
  } catch (AgreedError const& error) {
    output.suspend(); // unless it is closed already
    auto const code = error.code() == ExitCode::usage ? ExitCode::failed : error.code();
    throw AgreedError(with_progress(Error(code, error.message()), output));
  }
}

} // namespace fod
